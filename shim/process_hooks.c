/* Rules in process_hooks.h. */
#define _GNU_SOURCE
#include <unistd.h>
#include "askable.h"
#include "bridge.h"
#include "plan.h"
#include "process_hooks.h"
#include "thread.h"

bool in_constructor;
static uint32_t ended;  /* the serial of the process that was told; under the hook mutex */

static uint32_t hooks_of(uint32_t kind)
{
	return plan->moment_hooks[kind];
}

uint32_t moment_hooks(const struct moment *moment)
{
	if (moment->kind == MOMENT_EXIT && ended == process->serial)
		return 0;
	if (moment->kind == MOMENT_EXIT)
		ended = process->serial;
	return hooks_of(moment->kind);
}

static bool any_hooks(void)
{
	uint32_t hooks = 0;

	for (uint32_t kind = 0; kind < MOMENTS; kind++)
		hooks |= hooks_of(kind);
	return hooks;
}

void process_starts(char **envp)
{
	const struct moment moment = { .kind = MOMENT_START };

	if (!any_hooks() && !askable_only_if_started())
		return;
	/* As libc's own constructor will do after ours; dlmopen(3) hands it to the one inside,
	 * and that to Python. */
	environ = envp;
	in_constructor = true;
	bridge_start();
	if (hooks_of(MOMENT_START))
		bridge_moment(&moment);
	in_constructor = false;
}

void process_forked(int32_t parent)
{
	const struct moment moment = { .kind = MOMENT_FORK, .parent = parent };

	if (hooks_of(MOMENT_FORK))
		bridge_moment(&moment);
}

static char *const *argv_of(const struct call *call)
{
	for (int i = 0; i < rows[call->id].nargs; i++)
		if (rows[call->id].args[i].kind == ARG_ARGV)
			return (char *const *)call->args[i];
	return NULL;
}

void process_execs(const struct call *call, int dirfd, const char *path, char *const *envp)
{
	const struct moment moment = {
		.kind = MOMENT_EXEC,
		.dirfd = dirfd,
		.path = path,
		.argv = argv_of(call),
		.envp = envp,
	};

	if (!(rows[call->id].flags & ROW_EXEC))
		skipped(SKIP_HOOK_VFORK);
	else if (thread_ready())
		bridge_moment(&moment);
}

void process_ends(int64_t status)
{
	const struct moment moment = { .kind = MOMENT_EXIT, .status = (uint8_t)status };

	if (hooks_of(MOMENT_EXIT) && thread_ready())
		bridge_moment(&moment);
}
