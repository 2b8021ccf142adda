/*
 * Fairness of an EINTR: would a program that gets it here have met it in real life?
 * signal(7): blocking calls are restarted after a handler with SA_RESTART, some never
 * are, and calls on regular files do not block at all.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <fcntl.h>
#include "handlers.h"
#include "rules.h"
#include "sys.h"
#include "thread.h"

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
	return (!(flags & ROW_RESTARTS) || handlers_interrupt()) && !regular(call);
}
