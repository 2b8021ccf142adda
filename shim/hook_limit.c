/* Rules in hook_limit.h. */
#define _GNU_SOURCE
#include <ucontext.h>
#include "hook_limit.h"
#include "hook_stack.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum { RESTORER = 0x04000000 /* SA_RESTORER */, DIRECTION = 0x400 };

/* The hook that runs: there is one. */
static struct {
	char *top;           /* NULL: none */
	int32_t tid;
	uint64_t since;
	void (*given_up)(void);
	bool left;
} running;

/* catchall_x86_64.S */
void catch_restorer(void);

static void handle(int number, siginfo_t *info, void *context)
{
	(void)number;
	limit_sent(info, context);
}

void limit_init(void)
{
	/* As the kernel has it, sigaction(2). Not on an alternate stack: the program's handler
	 * below us may be using it. */
	struct {
		void (*handler)(int, siginfo_t *, void *);
		uint64_t flags;
		void (*restorer)(void);
		uint64_t mask;
	} is, ours = { handle, SA_SIGINFO | SA_RESTART | RESTORER, catch_restorer, ~0ul };

	if (!sys4(__NR_rt_sigaction, SIGSYS, 0, &is, 8) && is.handler == (void *)SIG_DFL)
		sys4(__NR_rt_sigaction, SIGSYS, &ours, 0, 8);
}

/* For the host. Relaxed: each word is whole by itself, and it looks again before it acts. */
static void tell(uint64_t since, const struct call *call)
{
	struct proc *entry = process->entry;

	if (!entry)
		return;
	__atomic_store_n(&entry->hook_call, call ? call->id : 0, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->hook_tid, (uint32_t)running.tid, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->hook_since, since, __ATOMIC_RELAXED);
}

void limit_begins(const struct call *call, char *top, void (*given_up)(void))
{
	running.tid = thread.tid;
	running.given_up = given_up;
	running.left = false;
	running.since = trace_clock();
	/* The handler may come between any two of these: `top` makes them count. */
	__atomic_signal_fence(__ATOMIC_RELEASE);
	running.top = top;
	tell(running.since, call);
}

bool limit_ends(uint64_t *count, uint64_t *ticks)
{
	running.top = NULL;
	tell(0, NULL);
	if (count)
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(ticks, trace_clock() - running.since, __ATOMIC_RELAXED);
	return !running.left;
}

/* Back to behind stack_call(), as if the function had returned. */
static void leave_stack(greg_t *r, char *top)
{
	r[REG_RIP] = (greg_t)stack_leave;
	r[REG_RDI] = (greg_t)top;
	r[REG_EFL] &= ~DIRECTION;
}

bool limit_sent(const siginfo_t *info, void *context)
{
	const struct proc *entry = process->entry;

	if (info->si_code != SI_QUEUE || info->si_value.sival_int != HOOK_LIMIT_WORD)
		return false;
	/* Late: that hook has returned, and perhaps another one runs. */
	if (!running.top || running.tid != thread.tid || !thread.asking || !entry
	    || running.since != entry->hook_since)
		return true;
	running.left = true;
	running.given_up();
	leave_stack(((ucontext_t *)context)->uc_mcontext.gregs, running.top);
	return true;
}
