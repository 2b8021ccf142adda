/* Rules in handlers.h. */
#define _GNU_SOURCE
#include <signal.h>
#include "handlers.h"
#include "sys.h"
#include "thread.h"

#define BIT(signal) (1ul << ((signal) - 1))
#define RAISED (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) \
		| BIT(SIGSYS))

/* As the kernel has it: rt_sigaction(2), not libc's struct. */
struct kernel_action {
	uint64_t handler;
	uint64_t flags, restorer, mask;
};

/* Each is a whole answer by itself: relaxed is enough. */
static uint64_t installed, interrupting;
static bool known;

void handlers_changed(void)
{
	/* Release pairs with look(): who finds it known finds the answers of that look. */
	__atomic_store_n(&known, false, __ATOMIC_RELEASE);
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

/* One that is changed while we look is looked at again: `known` comes first. */
static void look(void)
{
	uint64_t handled = 0, not_restarting = 0;

	/* Acquire pairs with handlers_changed(). */
	if (__atomic_load_n(&known, __ATOMIC_ACQUIRE) || quiet)
		return;
	__atomic_store_n(&known, true, __ATOMIC_RELAXED);
	for (int signal = 1; signal <= 64; signal++)
		look_at(signal, &handled, &not_restarting);
	__atomic_store_n(&installed, handled & ~RAISED, __ATOMIC_RELAXED);
	__atomic_store_n(&interrupting, not_restarting & ~BIT(SIGSYS), __ATOMIC_RELAXED);
}

bool handlers_interrupt(void)
{
	look();
	return __atomic_load_n(&interrupting, __ATOMIC_RELAXED);
}

uint64_t handlers_installed(void)
{
	look();
	return __atomic_load_n(&installed, __ATOMIC_RELAXED);
}
