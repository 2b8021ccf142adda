/* The wrapper of syscall(2), which is no row: its row is chosen by number. exec.c and
 * spawn.c have the others that are written by hand. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <unistd.h>
#include "call.h"
#include "failure.h"
#include "plan.h"
#include "preload.h"
#include "real.h"
#include "sys.h"

static void real_numbered(struct call *call)
{
	int64_t *a = call->args;

	call->ret = REAL(syscall)(syscall_of[call->id], a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* An exec must hand the preload on, whichever way it is made. */
static call_real *real_of_number(long number)
{
	switch (number) {
	case __NR_execve: return real_execve;
	case __NR_execveat: return real_execveat;
	default: return real_numbered;
	}
}

__typeof__(syscall) wrap_syscall;

/* Six arguments are read whatever the number needs, as libc's own syscall() does. */
long wrap_syscall(long number, ...)
{
	struct call call;
	va_list list;

	call_begin(&call, CALL_syscall, __builtin_return_address(0));
	va_start(list, number);
	for (int i = 0; i < MAX_ARGS; i++)
		call.args[i] = va_arg(list, long);
	va_end(list);
	uint16_t id = call_of_number((uint64_t)number);

	if (!id || !parts.rows[id - 1].want || rows[id - 1].flags & ROW_PASSED)
		return REAL(syscall)(number, call.args[0], call.args[1], call.args[2],
				    call.args[3], call.args[4], call.args[5]);
	call.id = id - 1;
	return failure_by_number(&call, call_run(&call, real_of_number(number)));
}
