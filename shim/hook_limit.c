/* Rules in hook_limit.h. */
#define _GNU_SOURCE
#include <signal.h>
#include <time.h>
#include "hook_limit.h"
#include "hook_stack.h"
#include "plan.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

/* The hook that runs: there is one. */
static struct {
	char *top;
	uint64_t since;
	void (*given_up)(void);
	bool left;
} running;

/* --strict-plugins: the call is not made. As inside/failures.py does: the host ends us, who
 * is not of its tree any more ends himself. */
static void stop(void)
{
	const struct timespec patience = { 10, 0 };
	const uint64_t term = 1ul << (SIGTERM - 1);

	sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &term, 0, 8);
	sys2(__NR_nanosleep, &patience, 0);
	sys2(__NR_kill, process->pid, SIGKILL);
	sys1(__NR_exit_group, 125);
}

/* The host has set us here, from wherever the hook was, on its stack: as in a signal handler
 * nothing may be taken for whole, and there is no way back. */
static _Noreturn void leave(void)
{
	running.left = true;
	running.given_up();
	if (plan->flags & PLAN_STRICT)
		stop();
	stack_leave(running.top);
}

/* For the host. Relaxed: it looks again before it acts, with this thread stopped. */
static void tell(uint64_t since, const struct call *call)
{
	struct proc *entry = process->entry;

	if (!entry)
		return;
	__atomic_store_n(&entry->hook_call, call ? call->id : 0, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->hook_tid, (uint32_t)thread.tid, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->hook_leave, (uint64_t)leave, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->hook_since, since, __ATOMIC_RELAXED);
}

void limit_begins(const struct call *call, char *top, void (*given_up)(void))
{
	running.top = top;
	running.given_up = given_up;
	running.left = false;
	running.since = trace_clock();
	tell(running.since, call);
}

bool limit_ends(uint64_t *count, uint64_t *ticks)
{
	tell(0, NULL);
	if (count)
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(ticks, trace_clock() - running.since, __ATOMIC_RELAXED);
	return !running.left;
}
