/*
 * Fairness of an EINTR: would a program that gets it here have met it in real life?
 * signal(7): blocking calls are restarted after a handler with SA_RESTART, some never
 * are, and calls on regular files do not block at all.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/stat.h>
#include <fcntl.h>
#include "rules.h"
#include "sys.h"
#include "thread.h"

/* As the kernel has it: rt_sigaction(2), not libc's struct. */
struct kernel_action {
	uint64_t handler;
	uint64_t flags, restorer, mask;
};

enum { UNKNOWN, WITHOUT, WITH };

static int interrupting;  /* a handler without SA_RESTART is installed */

void handlers_changed(void)
{
	__atomic_store_n(&interrupting, UNKNOWN, __ATOMIC_RELAXED);
}

static bool interrupts(int signal)
{
	struct kernel_action action = { 0 };

	if (sys4(__NR_rt_sigaction, signal, 0, &action, 8))
		return false;
	return action.handler > 1 && !(action.flags & SA_RESTART);
}

/* Asks the kernel once for all signals, then only after the program changed one. Of SIGSYS
 * nothing: it comes from the call itself (seccomp(2)), and its handler may be ours. */
static bool handler_interrupts(void)
{
	int known = __atomic_load_n(&interrupting, __ATOMIC_RELAXED);

	if (known == UNKNOWN && !quiet) {
		known = WITHOUT;
		for (int signal = 1; signal <= 64; signal++)
			if (signal != SIGSYS && interrupts(signal))
				known = WITH;
		__atomic_store_n(&interrupting, known, __ATOMIC_RELAXED);
	}
	return known == WITH;
}

static bool regular(const struct call *call)
{
	const struct row *row = &rows[call->id];
	struct stat st = { .st_mode = 0 };

	for (int i = 0; i < row->nargs && !quiet; i++) {
		const struct arg *arg = &row->args[i];
		long dirfd = arg->kind == ARG_PATH && arg->from >= 0
			? call->args[arg->from] : AT_FDCWD;

		if (arg->kind == ARG_FD)
			sys2(__NR_fstat, call->args[i], &st);
		else if (arg->kind == ARG_PATH)
			sys4(__NR_newfstatat, dirfd, call->args[i], &st, 0);
		else
			continue;
		return S_ISREG(st.st_mode);
	}
	return false;
}

bool call_is_fair(const struct call *call)
{
	uint8_t flags = rows[call->id].flags;

	if (!(flags & ROW_EINTR))
		return false;
	return (!(flags & ROW_RESTARTS) || handler_interrupts()) && !regular(call);
}
