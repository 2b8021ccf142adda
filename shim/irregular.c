/* The wrapper of syscall(2), which is no row: its row is chosen by number. exec.c and
 * spawn.c have the others that are written by hand. */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdarg.h>
#include <unistd.h>
#include "call.h"
#include "plan.h"
#include "real.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

/* by_number[nr]: 1 + the call with the very same arguments. Generated. */
extern const uint16_t by_number[];
extern const uint32_t numbers;
extern const uint16_t syscall_of[];

#define REAL_SYSCALL ((__typeof__(&syscall))reals[EXPORT_syscall])

static void real_numbered(struct call *call)
{
	int64_t *a = call->args;

	call->ret = REAL_SYSCALL(syscall_of[call->id], a[0], a[1], a[2], a[3], a[4], a[5]);
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
	if (number == __NR_seccomp) {
		trace_stop_clock(call.args[0] == SECCOMP_SET_MODE_STRICT);
		quiet = true;
	}
	uint16_t id = (unsigned long)number < numbers ? by_number[number] : 0;

	if (!id || quiet || !parts.rows[id - 1].want)
		return REAL_SYSCALL(number, call.args[0], call.args[1], call.args[2],
				    call.args[3], call.args[4], call.args[5]);
	call.id = id - 1;
	return call_run(&call, real_numbered);
}
