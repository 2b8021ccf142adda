/* Rules in python.h and bridge.h. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include "askable.h"
#include "handlers.h"
#include "hook_limit.h"
#include "hook_lock.h"
#include "hook_stack.h"
#include "inner.h"
#include "plan.h"
#include "process_hooks.h"
#include "python.h"
#include "real.h"
#include "remote.h"
#include "sys.h"
#include "thread.h"

enum { KEYS = 32, KEYS_INSIDE = 24 };

/* Of the compiler's own start-up code: tells libc whose handlers these are. */
extern void *__dso_handle __attribute__((visibility("hidden")));

struct bridge *bridge;
static enum python_state state;
static uint32_t serial;    /* of the process whose fork we have followed */
/* The thread that is inside fork(3) with the lock held, and by which handlers. In its child
 * it has the same address. libc lets two fork at once: each looks only for itself. */
static const struct thread *forking;
static enum when { EARLY, LATE } forking_when;
static int32_t forker;     /* its pid */
static bool settled;       /* the late handlers are registered */
static pthread_key_t end_key;
static bool have_end_key;

enum python_state python_state(void)
{
	return __atomic_load_n(&state, __ATOMIC_RELAXED);
}

bool bridge_is_anothers(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) != PYTHON_OFF
		&& serial != process->serial;
}

/* ---- the constructor ---- */

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

/* ---- forks and threads ---- */

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
	char *top = state == PYTHON_ON ? stack_take() : NULL;
	uint64_t handled = handlers_installed(), mask;

	if (!top)
		return;
	bool held = handled && !sys4(__NR_rt_sigprocmask, SIG_BLOCK, &handled, &mask, 8);

	thread.dispatch = PASS_ALL;
	stack_call(what, argument, top);
	thread.dispatch = DISPATCH_ALL;
	if (held)
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
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
		serial = process->serial;
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
	if (state == PYTHON_ON && !in_constructor && !is_settled()
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

void python_init(void)
{
	askable_init();
	reserve_keys();
	have_end_key = !inner.key_create(&end_key, thread_ends) && end_key < KEYS;
	inner.register_atfork(early_before, early_parent, early_child, &__dso_handle);
}

void python_thread_begins(void)
{
	if (have_end_key)
		inner.setspecific(end_key, bridge);
}

/* ---- time ---- */

/* As in a signal handler. */
static void give_up(void)
{
	if (bridge)
		bridge->gave_up();
}

void python_begins(const struct call *call, char *top)
{
	limit_begins(call, top, give_up);
}

bool python_ends(uint64_t *count, uint64_t *ticks)
{
	bool ended = limit_ends(count, ticks);

	if (!ended)
		__atomic_store_n(&state, PYTHON_HUNG, __ATOMIC_RELAXED);
	return ended;
}

/* ---- starting ---- */

/* The namespaces of dlmopen(3), static TLS and memory may all be used up. */
static struct bridge *refused(const char *why)
{
	if (!(plan->flags & PLAN_INSIDE) && remote_there()) {
		remote_because(why);
		return &remote_bridge;
	}
	sys3(__NR_write, 2, why, __builtin_strlen(why));
	return NULL;
}

static struct bridge *find_bridge(void)
{
	void *handle;

	if (plan->flags & PLAN_HOST)
		return &remote_bridge;
	if (stack_is_small())
		return refused("no memory for a stack");
	handle = REAL(dlmopen)(LM_ID_NEWLM, plan_text(plan->bridge), RTLD_NOW | RTLD_LOCAL);
	return handle ? REAL(dlsym)(handle, "pyshim_bridge") : refused(dlerror());
}

/* Runs on a stack of ours, signals blocked, lock held. */
static void start_here(void *ground)
{
	bridge = find_bridge();
	state = bridge && !bridge->start(plan_text(plan->bridge_plan), ground)
		? PYTHON_ON : PYTHON_BROKEN;
}

/* What Python says when it can't start goes to fd 2, where nobody may read, or no room be:
 * that is not the program's to die of. Both are sent to the thread that writes. */
static void take_own_signals(uint64_t before)
{
	const uint64_t ours = (1ul << (SIGPIPE - 1) | 1ul << (SIGXFSZ - 1)) & ~before;
	const struct timespec now = { 0, 0 };

	while (sys4(__NR_rt_sigtimedwait, &ours, 0, &now, 8) > 0)
		;
}

static void start(const struct call *call, struct ground *ground)
{
	/* But not the one by which the catch-all lives. */
	uint64_t all = ~(1ul << (SIGSYS - 1)), old;
	char *top = plan->flags & PLAN_HOST ? NULL : stack_take();
	uint64_t before = 0;
	int saved = errno;

	if (!top)
		top = stack_take_small();
	ground->rundir = plan_text(plan->rundir);
	serial = process->serial;
	/* Release pairs with bridge_is_anothers(): who sees another state sees whose it is. */
	__atomic_store_n(&state, PYTHON_BROKEN, __ATOMIC_RELEASE);
	if (!top)
		return;
	sys4(__NR_rt_sigprocmask, SIG_BLOCK, &all, &old, 8);
	sys2(__NR_rt_sigpending, &before, 8);
	python_begins(call, top);
	stack_call(start_here, ground, top);
	python_ends(&arena->starts, &arena->start_ticks);
	take_own_signals(before);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &old, 0, 8);
	stack_give(top);
	errno = saved;
}

bool python_usable(const struct call *call, struct ground *ground)
{
	if (state == PYTHON_OFF)
		start(call, ground);
	python_settles();
	if (state != PYTHON_ON)
		skipped(state == PYTHON_HUNG ? SKIP_HOOK_HUNG : SKIP_HOOK_BROKEN);
	return state == PYTHON_ON;
}
