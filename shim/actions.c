/* Rules in actions.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <time.h>
#include "actions.h"
#include "dispatch.h"
#include "failure.h"
#include "fd_limit.h"
#include "handlers.h"
#include "interrupt.h"
#include "partly.h"
#include "plan.h"
#include "poke.h"
#include "quota.h"
#include "rules.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"
#include "unsynced.h"

/* nanosleep(2) by raw syscall: the rest is slept on after a signal's handler. */
void call_delay(uint64_t ns)
{
	struct timespec left = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	while (!quiet && sys2(__NR_nanosleep, &left, &left) == -EINTR)
		;
}

static void answer(struct call *call, const struct plan_rule *rule)
{
	int err = rule->action & ACT_FDS ? fd_limit_error(call, rule->fds) : rule->err;

	if (rule->action & ACT_LOSE)
		unsynced_lose(call);
	if (rule->action & ACT_FDS && !err)
		return;
	if (rule->action & (ACT_ERRNO | ACT_FDS))
		failure_make(call, err);
	else
		call->ret = rule->value;
	call->flags |= CALL_INJECTED | CALL_ANSWERED;
}

/* Of one that the program dies of it is told before: nobody comes back from it. */
static void give_signal(const struct call *call, int signal)
{
	if (handlers_deadly(signal))
		trace_cut(call);
	sys3(__NR_tgkill, process_pid(), sys0(__NR_gettid), signal);
}

static void act(struct call *call, const struct plan_rule *rule)
{
	if (rule->action & ACT_POKE_ENTER)
		poke(call, rule->poke_enter);
	if (rule->action & ACT_DELAY_ENTER)
		call_delay(rule->delay_enter);
	if (rule->action & ACT_SIGNAL && !quiet)
		give_signal(call, (int)rule->signal);
	if (rule->action & ACT_AFTER
	    || (rule->action & AFTER_CLOSE && rows[call->id].flags & ROW_CLOSES))
		call->flags |= CALL_AFTER;
	else if (rule->action & (ACT_ERRNO | ACT_RETURN | ACT_FDS))
		answer(call, rule);
}

void act_at_enter(struct call *call, const struct plan_rule *rule)
{
	if (rule->action & ACT_INTERRUPT)
		call->flags |= CALL_INTERRUPT;
	else if (call->rule < 0)
		return;
	call->entered = trace_clock();
	if (call->rule < 0)
		return;
	call->flags |= CALL_HIT;
	if (plan->flags & PLAN_FAIRNESS && rule->err == EINTR && call_is_fair(call))
		call->flags |= CALL_FAIR;
	act(call, rule);
}

void act_late(struct call *call, const struct plan_rule *rule)
{
	/* Relaxed: a tally. */
	uint64_t hits = __atomic_add_fetch(&arena->hits[rule->index], 1, __ATOMIC_RELAXED);

	if (call->rule >= 0)
		return;
	call->rule = (int32_t)rule->index;
	call->count = (uint32_t)hits;
	call->flags |= CALL_HIT;
	call->entered = trace_clock();
}

static void make_short(struct call *call, call_real *real, const struct plan_rule *rule)
{
	if (rule->action & ACT_SHORT)
		partly_make(call, real, rule->value);
	else
		call_make(call, real);
}

static void make_within_quota(struct call *call, call_real *real, const struct plan_rule *rule)
{
	struct quota_use use;

	quota_begin(call, rule, &use);
	if (use.fit)
		partly_make(call, real, (int64_t)use.fit);
	else if (!(call->flags & CALL_ANSWERED))
		make_short(call, real, rule);
	quota_end(call, rule, &use);
}

static void make(struct call *call, call_real *real, const struct plan_rule *rule)
{
	if (rule->action & ACT_QUOTA)
		make_within_quota(call, real, rule);
	else
		make_short(call, real, rule);
}

void act_make(struct call *call, call_real *real, const struct plan_rule *rule)
{
	struct unsynced_use unsynced;
	uint64_t asked = 0;

	if (!rule) {
		call_make(call, real);
		return;
	}
	if (rule->action & ACT_INTERRUPT)
		asked = interrupt_ask(call, rule);
	if (rule->action & ACT_KEEP)
		unsynced_begin(call, &unsynced);
	make(call, real, rule);
	if (rule->action & ACT_KEEP)
		unsynced_end(call, &unsynced);
	if (rule->action & ACT_INTERRUPT)
		interrupt_end(call, rule, asked);
}

/* close(2) releases the descriptor whatever it reports. A call that has really failed says
 * so itself. */
void act_before_exit(struct call *call, const struct plan_rule *rule)
{
	if (call->err)
		return;
	if (call->flags & CALL_AFTER)
		failure_make(call, rule->err);
	/* Relaxed: the mark itself is all there is to see. */
	else if (rule->action & ACT_MARK)
		__atomic_fetch_or(&arena->marks, rule->marks, __ATOMIC_RELAXED);
	if (rule->action & ACT_FDS && !(call->flags & CALL_ANSWERED))
		fd_limit_received(call, rule->fds);
}

void act_at_exit(const struct call *call, const struct plan_rule *rule)
{
	if (rule->action & ACT_POKE_EXIT)
		poke(call, rule->poke_exit);
	if (rule->action & ACT_DELAY_EXIT)
		call_delay(rule->delay_exit);
}
