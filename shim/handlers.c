/* Rules in handlers.h. */
#define _GNU_SOURCE
#include <signal.h>
#include "handlers.h"
#include "sys.h"
#include "thread.h"

#define BIT(signal) (1ul << ((signal) - 1))
#define RAISED (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) \
		| BIT(SIGSYS))

/* What they do by default ends nobody: signal(7). */
#define HARMLESS (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGSTOP) \
		| BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/* As the kernel has it: rt_sigaction(2), not libc's struct. */
struct kernel_action {
	uint64_t handler;
	uint64_t flags, restorer, mask;
};

/* Each is a whole answer by itself: relaxed is enough. */
static uint64_t installed, interrupting;
static uint32_t changes = 1, looked;

void handlers_changed(void)
{
	/* Release pairs with look(): who counts it finds the kernel's new answers. */
	__atomic_fetch_add(&changes, 1, __ATOMIC_RELEASE);
}

static void look_at(int signal, uint64_t *handled, uint64_t *not_restarting)
{
	struct kernel_action action = { 0 };

	if (sys4(__NR_rt_sigaction, signal, 0, &action, 8) || action.handler <= 1)
		return;
	*handled |= BIT(signal);
	if (!(action.flags & SA_RESTART))
		*not_restarting |= BIT(signal);
}

/* One that is changed while we look is looked at again: the count is from before. */
static void look(void)
{
	uint64_t handled = 0, not_restarting = 0;

	/* Acquire pairs with handlers_changed(), and with the release below. */
	uint32_t now = __atomic_load_n(&changes, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&looked, __ATOMIC_ACQUIRE) == now || quiet)
		return;
	for (int signal = 1; signal <= 64; signal++)
		look_at(signal, &handled, &not_restarting);
	__atomic_store_n(&installed, handled & ~RAISED, __ATOMIC_RELAXED);
	__atomic_store_n(&interrupting, not_restarting & ~BIT(SIGSYS), __ATOMIC_RELAXED);
	/* Release: who finds this count finds the answers. */
	__atomic_store_n(&looked, now, __ATOMIC_RELEASE);
}

bool handlers_interrupt(void)
{
	look();
	return __atomic_load_n(&interrupting, __ATOMIC_RELAXED);
}

bool handlers_deadly(int signal)
{
	struct kernel_action action = { 0 };
	uint64_t blocked = 0;

	sys4(__NR_rt_sigaction, signal, 0, &action, 8);
	sys4(__NR_rt_sigprocmask, SIG_BLOCK, 0, &blocked, 8);
	return !action.handler && !((blocked | HARMLESS) & BIT(signal));
}

void handlers_hold(struct held *signals)
{
	look();
	uint64_t handled = __atomic_load_n(&installed, __ATOMIC_RELAXED);

	signals->held = handled
		&& !sys4(__NR_rt_sigprocmask, SIG_BLOCK, &handled, &signals->mask, 8);
}

void handlers_let(const struct held *signals)
{
	if (signals->held)
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, &signals->mask, 0, 8);
}
