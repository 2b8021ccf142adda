/* Rules in hook_lock.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <time.h>
#include "hook_lock.h"
#include "sys.h"
#include "thread.h"

enum { STEPS = 20, MOST_SECONDS = 2 };

static bool lock_try(void)
{
	uint32_t is = 0;

	/* Acquire and release: what the hook before us did is there for ours. */
	return __atomic_compare_exchange_n(&process->lock, &is, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

void lock_take(void)
{
	if (lock_try())
		return;
	while (__atomic_exchange_n(&process->lock, 2, __ATOMIC_ACQUIRE))
		sys4(__NR_futex, &process->lock, FUTEX_WAIT_PRIVATE, 2, 0);
}

bool lock_take_soon(bool (*in_haste)(const void *), const void *argument)
{
	const struct timespec step = { 0, 1000000000 / STEPS };
	int waited = 0;

	if (lock_try())
		return true;
	while (__atomic_exchange_n(&process->lock, 2, __ATOMIC_ACQUIRE)) {
		bool soon = in_haste(argument);
		long ret = sys4(__NR_futex, &process->lock, FUTEX_WAIT_PRIVATE, 2,
				soon ? &step : 0);

		/* Who is woken and comes too late has seen the lock move. */
		waited += ret == -ETIMEDOUT;
		if (waited >= MOST_SECONDS * STEPS)
			return false;
	}
	return true;
}

void lock_give(void)
{
	if (__atomic_exchange_n(&process->lock, 0, __ATOMIC_RELEASE) == 2)
		sys3(__NR_futex, &process->lock, FUTEX_WAKE_PRIVATE, 1);
}
