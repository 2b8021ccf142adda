/*
 * The heart: the path of one call.
 *
 *   wrapper -> call_run: rules, then Python hooks, then maps decide
 *           -> call_finish: the real call, or not; then hooks, the trace, the result
 *
 * Runs in any thread, in signal handlers, on any stack, after fork and vfork. errno is
 * read where the real call has just failed and written where the program is to see a
 * failure the kernel did not report: both in failure.c.
 */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include "actions.h"
#include "bridge.h"
#include "chunk.h"
#include "dispatch.h"
#include "failure.h"
#include "handlers.h"
#include "paths.h"
#include "plan.h"
#include "process_hooks.h"
#include "python.h"
#include "real.h"
#include "rules.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

static bool enters_seccomp(const struct call *call)
{
	if (call->id == CALL_seccomp)
		return call->args[0] <= SECCOMP_SET_MODE_FILTER;
	return call->id == CALL_prctl && call->args[0] == PR_SET_SECCOMP;
}

static bool forbids_tsc(const struct call *call)
{
	int64_t option = call->id == CALL_prctl ? call->args[0] : 0;

	if (call->id == CALL_seccomp)
		return call->args[0] == SECCOMP_SET_MODE_STRICT;
	return (option == PR_SET_SECCOMP && call->args[1] == SECCOMP_MODE_STRICT)
		|| (option == PR_SET_TSC && call->args[1] == PR_TSC_SIGSEGV);
}

/* What the program does that changes what we may do. */
static void notice(const struct call *call)
{
	if (forbids_tsc(call))
		trace_stop_clock(true);
	if (enters_seccomp(call))
		quiet = true;
}

/* Of any other call that fails: another thread may have entered seccomp meanwhile. */
static void notice_failure(const struct call *call, bool was_quiet)
{
	if (forbids_tsc(call))
		trace_stop_clock(false);
	if (enters_seccomp(call))
		quiet = was_quiet;
}

/* It has been made. */
static void notice_end(const struct call *call, bool was_quiet)
{
	if (call->err)
		notice_failure(call, was_quiet);
	if (call->id != CALL_prctl && call->id != CALL_seccomp)
		handlers_changed();
}

/* The program ends or becomes another: say so now, and give the chunk back. */
static void leave(struct call *call, bool log)
{
	if (rows[call->id].flags & ROW_NORETURN) {
		process_ends(call->args[0]);
		trace_exit((int)call->args[0]);
	} else if (log)
		trace_exec(call);
	chunk_release();
}

/* It writes no event of the call, nor ends its mark: chunk and mark are the parent's. */
static bool in_child_of(const struct call *call)
{
	return rows[call->id].flags & ROW_FORK && !call->ret && !call->err;
}

/* The one syscall a thin wrapper is for is not seen again by the catch-all. A frame that
 * is not above ours was left by a jump. */
static void go(struct call *call, call_real *real)
{
	uint64_t frame = thread.frame;
	bool left = frame < (uint64_t)call;
	uint16_t own = left ? 0 : thread.own, within = left ? 0 : thread.within;

	if (!(call->flags & CALL_CAUGHT)) {
		thread.frame = (uint64_t)call;
		thread.own = made_by[call->id];
		thread.within = (uint16_t)(call->id + 1);
	}
	real(call);
	thread.own = own;
	thread.within = within;
	thread.frame = frame;
}

void call_make(struct call *call, call_real *real)
{
	const struct plan_row *want = parts.rows + call->id;
	bool log = want->want & WANT_LOG;
	uint16_t flags = rows[call->id].flags;
	bool before = quiet;
	struct mark outer;
	int err;

	if (want->want & WANT_NOTICE)
		notice(call);
	if (flags & (ROW_NORETURN | ROW_EXEC))
		leave(call, log);
	else if ((log && flags & ROW_STAYS) || call->flags & CALL_INTERRUPT)
		trace_mark(call, &outer);
	if (flags & ROW_FORK)
		python_settles();
	err = failure_before(call);
	go(call, real);
	failure_take(call, err);
	if (in_child_of(call))
		thread_ready();
	if (want->want & WANT_NOTICE)
		notice_end(call, before);
	trace_unmark(call, &outer);
}

long call_finish(struct call *call, call_real *real, const struct plan_rule *rule)
{
	const struct plan_row *want = parts.rows + call->id;

	/* Behind a call that never returns the program has no code: it is made anyway. */
	if (!(call->flags & (CALL_ANSWERED | CALL_MADE)) || rows[call->id].flags & ROW_NORETURN)
		act_make(call, real, rule);
	if (in_child_of(call))
		return failure_give(call);
	if (rule)
		act_before_exit(call, rule);
	if (call->hooks)
		bridge_exit(call);
	if (rule)
		act_at_exit(call, rule);
	if (want->want & WANT_LOG || call->flags & CALL_HIT)
		trace_call(call);
	return failure_give(call);
}

/* No rule fired, no hook asks, nothing listens: the call is to be as if bare. */
static bool plain(const struct call *call, const struct plan_row *want)
{
	return want->want == WANT_WRAP && !call->hooks
		&& !(rows[call->id].flags & (ROW_NORETURN | ROW_EXEC | ROW_FORK));
}

/* prctl in every run: nobody asked for it, so not even who we are is asked. */
static bool only_noticed(const struct plan_row *want)
{
	return want->want == (WANT_WRAP | WANT_NOTICE) && !want->nrefs;
}

void call_decide(struct call *call)
{
	const struct plan_row *want = parts.rows + call->id;
	const struct plan_rule *rule;
	struct plan_rule all;

	call->entered = trace_clock();
	rule = want->nrefs ? rules_match(call, want, &all) : NULL;
	if (rule)
		act_at_enter(call, rule);
	if (call->hooks && !(call->flags & CALL_ANSWERED))
		bridge_enter(call, NULL, NULL);
}

long call_run(struct call *call, call_real *real)
{
	const struct plan_row *want = parts.rows + call->id;
	const struct plan_rule *rule = NULL;
	struct plan_rule all;

	if (only_noticed(want)) {
		call_make(call, real);
		return call->ret;
	}
	if (!thread_ready()) {
		real(call);
		return call->ret;
	}
	if (want->want & WANT_LOG)
		call->entered = trace_clock();
	if (want->nrefs)
		rule = rules_match(call, want, &all);
	if (rule)
		act_at_enter(call, rule);
	else if (plain(call, want)) {
		go(call, real);
		return call->ret;
	}
	if (call->hooks && !(call->flags & CALL_ANSWERED))
		bridge_enter(call, real, rule);
	if (want->want & WANT_MAP && !(call->flags & (CALL_ANSWERED | CALL_MADE | CALL_WITHIN)))
		return map_run(call, real, rule, call_finish);
	return call_finish(call, real, rule);
}
