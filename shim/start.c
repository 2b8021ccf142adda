/*
 * The constructor. Linked with -z initfirst, so it runs before every other library's:
 * libc is relocated but has not set `environ` yet, which is why the environment is
 * taken from the arguments. Whatever is missing or does not fit, the shim stays out:
 * the slots keep going to the next library, and the host sees that nobody said hello.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "bridge.h"
#include "chunk.h"
#include "plan.h"
#include "real.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

struct plan_parts parts;

enum { NAME_ROOM = 512 };

static const char *run_dir(char **envp)
{
	for (; envp && *envp; envp++)
		if (!strncmp(*envp, "PYSHIM_RUN=", 11))
			return *envp + 11;
	return NULL;
}

/* The whole file, or NULL. No fd stays open. */
static void *map_file(const char *dir, const char *name, int flags, int protection)
{
	char path[NAME_ROOM];
	long fd, size, at;

	if (strlen(dir) + strlen(name) + 2 > sizeof(path))
		return NULL;
	stpcpy(stpcpy(stpcpy(path, dir), "/"), name);
	fd = sys3(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	size = sys3(__NR_lseek, fd, 0, SEEK_END);
	at = sys6(__NR_mmap, 0, size, protection, MAP_SHARED, fd, 0);
	sys1(__NR_close, fd);
	return at < 0 && at > -4096 ? NULL : (void *)at;
}

static bool fits(const struct plan *found)
{
	return found && found->magic == WIRE_MAGIC && found->version == WIRE_VERSION
		&& found->digest == TABLE_DIGEST;
}

static void wrap_wanted(void)
{
	for (uint32_t i = 0; i < NEXPORTS; i++)
		if (exports[i].wrap && wrappers[exports[i].call]
		    && parts.rows[exports[i].call].want & WANT_WRAP)
			real_wrap(i);
}

/* lazy.S: vfork and the slot it really goes to. */
void vfork_marked(void);
extern void **const vfork_real;
void **const vfork_real = &reals[EXPORT_vfork];

static void mark_vfork(void)
{
	if (plan->flags & PLAN_TRACE)
		slots[EXPORT_vfork] = (void *)vfork_marked;
}

/* exit(3) has run every other handler by now: ours was registered first. */
static void at_exit(int status, void *unused)
{
	(void)unused;
	if (!thread_ready())
		return;
	trace_exit(status);
	chunk_release();
}

__attribute__((constructor)) static void start(int argc, char **argv, char **envp)
{
	const char *dir = run_dir(envp);

	(void)argc;
	(void)argv;
	if (!dir)
		return;
	plan = map_file(dir, "plan", O_RDONLY, PROT_READ);
	arena = fits(plan) ? map_file(dir, "arena", O_RDWR, PROT_READ | PROT_WRITE) : NULL;
	if (!arena || !process_init())
		return;
	plan_find_parts();
	if (plan->nhooks)
		bridge_init();
	chunk_init();
	if (!thread_ready())
		return;
	trace_start(false);
	on_exit(at_exit, NULL);
	mark_vfork();
	wrap_wanted();
}
