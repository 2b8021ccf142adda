/*
 * Calls that no frame of ours may be under: they return twice (setjmp, vfork), somewhere
 * else (longjmp, setcontext) or never (exit), or look at who called them (dlopen, dlsym).
 * Their slot is a jump (stubs.gen.S) by way of lazy.S to jump_enter(); what happens
 * behind the call is not seen, so its event has no result.
 */
#define _GNU_SOURCE
#include "bridge.h"
#include "dispatch.h"
#include "failure.h"
#include "plan.h"
#include "process_hooks.h"
#include "real.h"
#include "rules.h"
#include "thread.h"
#include "trace.h"

/* As lazy.S pushes them; the last argument's register first. */
struct saved {
	int64_t r10;
	int64_t arguments[MAX_ARGS];
	int64_t rax;
	int64_t index;
	void *site;
};

void *jump_enter(struct saved *saved);

static void begin(struct call *call, const struct saved *saved)
{
	call_begin(call, exports[saved->index].call, saved->site);
	for (int i = 0; i < MAX_ARGS; i++)
		call->args[i] = saved->arguments[MAX_ARGS - 1 - i];
}

static void decide(struct call *call)
{
	call_decide(call);
	if (parts.rows[call->id].want & WANT_LOG || call->flags & CALL_HIT)
		trace_call(call);
}

/* The syscall that the real function is to make is not told again (catchall.c). */
static void known(const struct call *call, const struct saved *saved)
{
	thread.frame = (uint64_t)saved;
	thread.within = 0;
	thread.own = made_by[call->id];
}

static bool is_vfork(const struct call *call)
{
	return call->id == CALL_vfork || call->id == CALL___vfork;
}

/* Where to jump, or NULL: back to the caller, with `rax`. */
void *jump_enter(struct saved *saved)
{
	void *real = real_of((uint32_t)saved->index);
	struct call call;

	if (!thread_ready())
		return real;
	begin(&call, saved);
	decide(&call);
	if (call.flags & CALL_ANSWERED && !(rows[call.id].flags & ROW_NORETURN)) {
		saved->rax = failure_give(&call);
		return NULL;
	}
	for (int i = 0; i < MAX_ARGS; i++)
		saved->arguments[MAX_ARGS - 1 - i] = call.args[i];
	/* Without the handler that exit(3) comes to in the end (start.c). */
	if (call.id == CALL_quick_exit && !thread.armed)
		process_ends(call.args[0]);
	if (is_vfork(&call))
		vfork_mark();
	known(&call, saved);
	return real;
}
