/* How Python follows forks and the ends of threads. Rules in python.h. */
#define _GNU_SOURCE
#include <pthread.h>
#include "handlers.h"
#include "hook_lock.h"
#include "hook_stack.h"
#include "inner.h"
#include "process_hooks.h"
#include "python.h"
#include "thread.h"

/* Of the compiler's own start-up code: tells libc whose handlers these are. */
extern void *__dso_handle __attribute__((visibility("hidden")));

/* The thread that is inside fork(3) with the lock held, and by which handlers. In its child
 * it has the same address. libc lets two fork at once: each looks only for itself. */
static const struct thread *forking;
static enum when { EARLY, LATE } forking_when;
static int32_t forker;     /* its pid */
static bool settled;       /* the late handlers are registered */
static pthread_key_t end_key;
static bool have_end_key;

/* On a stack of ours: Python's own fork handlers don't fit a small one. */
static void tell_before_fork(void *unused)
{
	(void)unused;
	bridge->before_fork();
}

static void tell_after_fork(void *in_child)
{
	bridge->after_fork(in_child != NULL);
}

/* Python is told, if there is one. The lock is held. Signals and syscalls as in a hook
 * (bridge.c): but the fork between two of these is to be seen, its child to be armed. */
static void tell(void (*what)(void *), void *argument)
{
	char *top = python_state() == PYTHON_ON ? stack_take() : NULL;
	struct held signals;

	if (!top)
		return;
	handlers_hold(&signals);
	thread.dispatch = PASS_ALL;
	stack_call(what, argument, top);
	thread.dispatch = DISPATCH_ALL;
	handlers_let(&signals);
	stack_give(top);
}

/* Relaxed: a fork that just misses it goes by the handlers there were. */
static bool is_settled(void)
{
	return __atomic_load_n(&settled, __ATOMIC_RELAXED);
}

static bool always(const void *unused)
{
	return !unused;
}

/*
 * A fork waits until no hook runs, so the child's interpreter is whole; the lock is
 * held from here to after the fork, and a handler that runs in between steps aside.
 * Inside a hook of this very thread it can't wait: the child goes on without Python.
 *
 * Handlers run in the order against that of their registration before a fork, and in it
 * afterwards, pthread_atfork(3). An allocator's take all its locks, and Python, or starting
 * it, needs them at times: so those that wait for a hook are registered after it, when Python
 * has started; where that was in our constructor, with the first hook or fork that comes.
 * Before that one thread may be starting it: then the child is to do without.
 */
static void before_fork(enum when when)
{
	if (thread.asking || !thread_ready())
		return;
	if (bridge_is_anothers() || (when == LATE) != is_settled())
		return;
	thread.asking = 1;
	if (when == LATE)
		lock_take();
	else if (!lock_take_soon(always, NULL)) {
		thread.asking = 0;
		return;
	}
	forking = &thread;
	forking_when = when;
	forker = process->pid;
	tell(tell_before_fork, NULL);
}

static bool is_forking(enum when when)
{
	return forking == &thread && forking_when == when;
}

static void after_fork_parent(enum when when)
{
	if (!is_forking(when))
		return;
	tell(tell_after_fork, NULL);
	forking = NULL;
	lock_give();
	thread.asking = 0;
}

/* Where Python was not started yet, this child may start one of its own. */
static void after_fork_child(enum when when)
{
	if (!is_forking(when))
		return;
	tell(tell_after_fork, &forking);
	forking = NULL;
	bool ready = thread_ready();

	if (ready)
		python_follows();
	thread.asking = 0;
	if (ready)
		process_forked(forker);
}

static void early_before(void)
{
	before_fork(EARLY);
}

static void early_parent(void)
{
	after_fork_parent(EARLY);
}

static void early_child(void)
{
	after_fork_child(EARLY);
}

static void late_before(void)
{
	before_fork(LATE);
}

static void late_parent(void)
{
	after_fork_parent(LATE);
}

static void late_child(void)
{
	after_fork_child(LATE);
}

void python_settles(void)
{
	if (python_state() == PYTHON_ON && !in_constructor && !is_settled()
	    && !__atomic_exchange_n(&settled, true, __ATOMIC_RELAXED))
		inner.register_atfork(late_before, late_parent, late_child, &__dso_handle);
}

static void tell_thread_ends(void *unused)
{
	(void)unused;
	bridge->thread_ends();
}

/* What Python keeps of a thread would stay for ever: ten thousand threads come and go. A
 * hook of another destructor begins it anew, and this runs again, pthread_key_create(3). */
static void thread_ends(void *unused)
{
	(void)unused;
	python_thread_ends();
}

void python_thread_ends(void)
{
	if (python_state() != PYTHON_ON || thread.asking || !thread_ready()
	    || bridge_is_anothers())
		return;
	thread.asking = 1;
	lock_take();
	tell(tell_thread_ends, NULL);
	lock_give();
	thread.asking = 0;
}

void python_follow(void)
{
	have_end_key = !inner.key_create(&end_key, thread_ends) && end_key < KEYS;
	inner.register_atfork(early_before, early_parent, early_child, &__dso_handle);
}

void python_thread_begins(void)
{
	if (have_end_key)
		inner.setspecific(end_key, bridge);
}
