/* Rules in bridge.h. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include "askable.h"
#include "bridge.h"
#include "failure.h"
#include "inner.h"
#include "plan.h"
#include "real.h"
#include "sys.h"
#include "thread.h"

enum { STACK = 8 << 20, GUARD = 4096, KEYS = 32, KEYS_INSIDE = 24 };
enum { OFF, ON, BROKEN };
enum { STEPS = 20, MOST_SECONDS = 2 };

/* lazy.S */
void stack_call(void (*function)(void *), void *argument, void *top);
void stack_call_keeping(void (*function)(void *), void *argument, void *top);

/* Of the compiler's own start-up code: tells libc whose handlers these are. */
extern void *__dso_handle __attribute__((visibility("hidden")));

static struct bridge *bridge;
static int state;          /* OFF until the first hook; changed under the lock */
static uint32_t serial;    /* of the process whose fork we have followed */
static char *stack_top;
static bool forking;       /* the lock is held by a thread that is inside fork(3) */

bool bridge_is_anothers(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) != OFF
		&& serial != process->serial;
}

static bool lock_try(void)
{
	uint32_t is = 0;

	/* Acquire and release: what the hook before us did is there for ours. */
	return __atomic_compare_exchange_n(&process->lock, &is, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static void lock_take(void)
{
	if (lock_try())
		return;
	while (__atomic_exchange_n(&process->lock, 2, __ATOMIC_ACQUIRE))
		sys4(__NR_futex, &process->lock, FUTEX_WAIT_PRIVATE, 2, 0);
}

/* While Python starts, its thread may wait for a lock of ld.so's that ours holds (we
 * may be in a library's constructor), and so may a hook that imports, where what libc asks
 * by itself comes from dlopen(3): then waiting without end would be a deadlock. */
static bool lock_take_soon(bool by_itself)
{
	const struct timespec step = { 0, 1000000000 / STEPS };
	int waited = 0;

	if (lock_try())
		return true;
	while (__atomic_exchange_n(&process->lock, 2, __ATOMIC_ACQUIRE)) {
		bool soon = by_itself || __atomic_load_n(&state, __ATOMIC_RELAXED) != ON;

		waited += soon;
		if (waited > MOST_SECONDS * STEPS)
			return false;
		sys4(__NR_futex, &process->lock, FUTEX_WAIT_PRIVATE, 2, soon ? &step : 0);
	}
	return true;
}

static void lock_give(void)
{
	if (__atomic_exchange_n(&process->lock, 0, __ATOMIC_RELEASE) == 2)
		sys3(__NR_futex, &process->lock, FUTEX_WAKE_PRIVATE, 1);
}

/*
 * Both libcs number their pthread keys from 0, but a thread has one block of slots. So
 * the program's libc never gives out keys 24-31, and libpyburn.so, first in the
 * namespace, takes 0-23 there: neither can meet the other's. Keys from 32 on live in
 * memory that the wrong libc would free, so the namespace has just these eight.
 */
static void reserve_keys(void)
{
	pthread_key_t keys[KEYS];
	int n = 0;

	while (n < KEYS && !inner.key_create(&keys[n], NULL))
		n++;
	for (int i = 0; i < n; i++)
		if (keys[i] < KEYS_INSIDE || keys[i] >= KEYS)
			inner.key_delete(keys[i]);
}

/* On the bridge's stack: Python's own fork handlers don't fit a small one. */
static void tell_before_fork(void *unused)
{
	(void)unused;
	bridge->before_fork();
}

static void tell_after_fork(void *in_child)
{
	bridge->after_fork(in_child != NULL);
}

/*
 * A fork waits until no hook runs, so the child's interpreter is whole; the lock is
 * held from here to after the fork, and a handler that runs in between steps aside.
 * Inside a hook of this very thread it can't wait: the child goes on without Python.
 */
static void before_fork(void)
{
	if (thread.asking || !thread_ready())
		return;
	/* What another process's thread was doing is copied, too. */
	forking = false;
	if (bridge_is_anothers())
		return;
	thread.asking = 1;
	lock_take();
	forking = true;
	if (state == ON)
		stack_call(tell_before_fork, NULL, stack_top);
}

static void after_fork_parent(void)
{
	if (!forking || !thread.asking)
		return;
	if (state == ON)
		stack_call(tell_after_fork, NULL, stack_top);
	forking = false;
	lock_give();
	thread.asking = 0;
}

/* Where Python was not started yet, this child may start one of its own. */
static void after_fork_child(void)
{
	if (!forking)
		return;
	if (state == ON)
		stack_call(tell_after_fork, &forking, stack_top);
	forking = false;
	if (thread_ready())
		serial = process->serial;
	thread.asking = 0;
}

void bridge_init(void)
{
	askable_init();
	reserve_keys();
	inner.register_atfork(before_fork, after_fork_parent, after_fork_child, &__dso_handle);
}

/* Runs on the bridge's own stack, signals blocked, lock held. */
static void start_here(void *unused)
{
	(void)unused;
	void *handle = REAL(dlmopen)(LM_ID_NEWLM, plan_text(plan->bridge), RTLD_NOW | RTLD_LOCAL);
	const char *said = handle ? NULL : dlerror();

	if (said)
		sys3(__NR_write, 2, said, __builtin_strlen(said));
	bridge = handle ? REAL(dlsym)(handle, "pyshim_bridge") : NULL;
	state = bridge && !bridge->start(plan_text(plan->bridge_plan), readable_string)
		? ON : BROKEN;
}

static void start(void)
{
	/* But not the one by which the catch-all lives. */
	uint64_t all = ~(1ul << (SIGSYS - 1)), old;
	int saved = errno;
	long stack;

	serial = process->serial;
	/* Release pairs with bridge_is_anothers(): who sees another state sees whose it is. */
	__atomic_store_n(&state, BROKEN, __ATOMIC_RELEASE);
	stack = sys6(__NR_mmap, 0, STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (stack < 0 && stack > -4096)
		return;
	sys3(__NR_mprotect, stack, GUARD, PROT_NONE);
	stack_top = (char *)stack + STACK;
	sys4(__NR_rt_sigprocmask, SIG_BLOCK, &all, &old, 8);
	stack_call(start_here, NULL, stack_top);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &old, 0, 8);
	errno = saved;
}

/* With the lock held: is there a Python to ask? */
static bool usable(void)
{
	if (state == OFF)
		start();
	if (state == BROKEN)
		skipped(SKIP_HOOK_BROKEN);
	else
		return true;
	return false;
}

static void ask_here(struct call *call, void (*side)(struct call *))
{
	call->pid = process->pid;
	call->tid = thread.tid;
	uint16_t before = call->flags & CALL_ASKED;

	call->flags &= (uint16_t)~CALL_ASKED;
	(call->flags & CALL_CAUGHT ? stack_call_keeping : stack_call)
		((void (*)(void *))side, call, stack_top);
	if (call->flags & CALL_ASKED && call->flags & CALL_INJECTED && call->err)
		failure_make(call, call->err);
	call->flags |= before;
}

/* A thread cancelled inside a hook would take the mutex and the GIL with it: the inner
 * libc looks at the same thread's cancellation flags (pthread_setcancelstate(3)). */
static void ask(struct call *call, bool entering)
{
	int cancel;

	if (!askable(call))
		return;
	thread.asking = 1;
	inner.setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (lock_take_soon(call->flags & CALL_CAUGHT)) {
		if (usable())
			ask_here(call, entering ? bridge->enter : bridge->exit);
		lock_give();
	} else {
		skipped(__atomic_load_n(&state, __ATOMIC_RELAXED) == ON ? SKIP_HOOK_BUSY
			: SKIP_HOOK_STARTING);
	}
	inner.setcancelstate(cancel, NULL);
	thread.asking = 0;
}

void bridge_enter(struct call *call)
{
	if (call->hooks & plan->enter_hooks)
		ask(call, true);
}

void bridge_exit(struct call *call)
{
	if (call->hooks & plan->exit_hooks)
		ask(call, false);
}
