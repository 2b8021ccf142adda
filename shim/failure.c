/* Rules in failure.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <time.h>
#include "failure.h"
#include "poke.h"
#include "thread.h"

enum { STREAM_ERROR = 0x20 };  /* _IO_ERR_SEEN of glibc's struct _IO_FILE */

static long value_of(const struct row *row, int err)
{
	switch (row->fails) {
	case FAILS_NULL:
	case FAILS_NULL_OR_END:
	case FAILS_NULL_H_ERRNO: return 0;
	case FAILS_ERRNO: return err;
	case FAILS_RAW: return -err;
	case FAILS_EAI: return err < 0 ? err : EAI_SYSTEM;
	case FAILS_CODE: return err < 0 ? -err : row->code;
	default: return -1;
	}
}

/* feof(3), ferror(3): callers tell an error from an end by the stream's own mark. */
static void mark_stream(FILE *stream)
{
	if (readable(stream, sizeof(stream->_flags)))
		stream->_flags |= STREAM_ERROR;
}

/* getpwnam_r(3) and its kin promise a NULL there when they fail. */
static void clear(void **result)
{
	if (readable(result, sizeof(*result)))
		*result = NULL;
}

/* gethostbyname_r(3): the h_errno of a caller that has its own. */
static void tell(int *h_errnop)
{
	if (readable(h_errnop, sizeof(*h_errnop)))
		*h_errnop = NETDB_INTERNAL;
}

/* nanosleep(2): a caller sleeps on for what is left. Nothing was slept. Of a sleep until a
 * time by the clock nothing is told; its flags are before the time. What lies in memory
 * that can only be read is left as it is: the kernel does not die of that either. */
static void leave_rest(const struct call *call, uint32_t i)
{
	const struct timespec *wanted = (const void *)call->args[i - 1];
	struct timespec *left = (void *)call->args[i];

	if (call->err != EINTR || (i > 1 && call->args[i - 2] & TIMER_ABSTIME))
		return;
	if (!readable(wanted, sizeof(*wanted)) || !readable(left, sizeof(*left)))
		return;
	long written = memory_write(left, wanted, sizeof(*left));

	if (written < 0 && written != -EFAULT)
		*left = *wanted;
}

static void mark_memory(const struct call *call, const struct row *row)
{
	if (row->flags & ROW_CLOSES)
		return;
	if (row->flags & (ROW_STDIN | ROW_STDOUT | ROW_STDERR))
		mark_stream(row->flags & ROW_STDIN ? stdin
			    : row->flags & ROW_STDOUT ? stdout : stderr);
	for (uint32_t i = 0; i < row->nargs; i++) {
		if (row->args[i].kind == ARG_STREAM)
			mark_stream((FILE *)call->args[i]);
		else if (row->args[i].kind == ARG_NULLED)
			clear((void **)call->args[i]);
		else if (row->args[i].kind == ARG_H_ERRNO)
			tell((int *)call->args[i]);
		else if (row->args[i].kind == ARG_REST)
			leave_rest(call, i);
	}
}

static bool tells_h_errno(const struct row *row)
{
	return row->fails == FAILS_NULL_H_ERRNO || row->fails == FAILS_MINUS_ONE_H_ERRNO;
}

void failure_make(struct call *call, int err)
{
	const struct row *row = &rows[call->id];

	call->err = err;
	call->ret = value_of(row, err);
	call->flags |= CALL_INJECTED;
	mark_memory(call, row);
	if (tells_h_errno(row))
		h_errno = err < 0 ? -err : NETDB_INTERNAL;
}

static bool may_be_end(const struct call *call)
{
	uint8_t fails = rows[call->id].fails;

	return fails == FAILS_NULL_OR_END || fails == FAILS_MINUS_ONE_OR_END;
}

/* The same value means an end or "not found", which leave errno alone or, as getpwnam,
 * make it 0: only an errno that no call sets says which it was. Not 0, or the program
 * would find its own where libc has left a 0. */
enum { LEFT_ALONE = 4095 };

int failure_before(const struct call *call)
{
	if (call->flags & CALL_CAUGHT)
		return 0;
	int before = errno;

	if (may_be_end(call))
		errno = LEFT_ALONE;
	return before;
}

static int code_of_host(void)
{
	return h_errno > 0 ? -h_errno : errno;
}

void failure_take(struct call *call, int before)
{
	int64_t ret = call->ret;

	if (call->flags & CALL_CAUGHT)
		return;
	if (may_be_end(call) && errno == LEFT_ALONE) {
		errno = before;
		return;
	}
	switch (rows[call->id].fails) {
	case FAILS_MINUS_ONE:
	case FAILS_MINUS_ONE_OR_END: call->err = ret == -1 ? errno : 0; break;
	case FAILS_NULL:
	case FAILS_NULL_OR_END: call->err = ret == 0 ? errno : 0; break;
	case FAILS_ERRNO: call->err = (int)ret; break;
	case FAILS_EAI: call->err = ret == EAI_SYSTEM ? errno : (int)ret; break;
	case FAILS_CODE: call->err = -(int)ret; break;
	case FAILS_NULL_H_ERRNO: call->err = ret == 0 ? code_of_host() : 0; break;
	case FAILS_MINUS_ONE_H_ERRNO: call->err = ret == -1 ? code_of_host() : 0; break;
	default: break;
	}
}

static bool sets_errno(const struct call *call)
{
	uint8_t fails = rows[call->id].fails;

	return !(call->flags & CALL_CAUGHT) && call->err > 0 && fails != FAILS_ERRNO
		&& fails != FAILS_CODE && fails != FAILS_RAW;
}

long failure_by_number(const struct call *call, long ret)
{
	if (rows[call->id].fails != FAILS_RAW || !(call->flags & CALL_INJECTED) || call->err <= 0)
		return ret;
	errno = call->err;
	return -1;
}

long failure_give(const struct call *call)
{
	if (call->flags & CALL_INJECTED && sets_errno(call))
		errno = call->err;
	return call->ret;
}
