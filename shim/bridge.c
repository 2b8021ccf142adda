/* Rules in bridge.h. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include "askable.h"
#include "bridge.h"
#include "dispatch.h"
#include "failure.h"
#include "handlers.h"
#include "hook_lock.h"
#include "hook_stack.h"
#include "inner.h"
#include "paths.h"
#include "plan.h"
#include "real.h"
#include "sys.h"
#include "thread.h"

enum { KEYS = 32, KEYS_INSIDE = 24 };
enum { OFF, ON, BROKEN };

/* Of the compiler's own start-up code: tells libc whose handlers these are. */
extern void *__dso_handle __attribute__((visibility("hidden")));

/* One call on its way through its hooks, on the stack of the thread that makes it. */
struct asked {
	struct call *call;
	call_real *real;     /* NULL: it can't be made from here */
	uint32_t hooks;
	bool entering;
	char *top;           /* of the stack they run on */
	uint64_t mask;       /* the thread's, where `held` */
	bool held;
	int cancel;
	uint64_t delay;      /* ns: to wait when all is over */
};

static struct bridge *bridge;
static int state;          /* OFF until the first hook; changed under the lock */
static uint32_t serial;    /* of the process whose fork we have followed */
static bool forking;       /* the lock is held by a thread that is inside fork(3) */
static struct asked *now;  /* whose hook runs; under the lock */
static pthread_key_t end_key;
static bool have_end_key;

bool bridge_is_anothers(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) != OFF
		&& serial != process->serial;
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

static void tell(void (*what)(void *), void *argument)
{
	char *top = state == ON ? stack_take() : NULL;

	if (!top)
		return;
	stack_call(what, argument, top);
	stack_give(top);
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
	asking_begin();
	lock_take();
	forking = true;
	tell(tell_before_fork, NULL);
}

static void after_fork_parent(void)
{
	if (!forking || !thread.asking)
		return;
	tell(tell_after_fork, NULL);
	forking = false;
	lock_give();
	asking_end();
}

/* Where Python was not started yet, this child may start one of its own. */
static void after_fork_child(void)
{
	if (!forking)
		return;
	tell(tell_after_fork, &forking);
	forking = false;
	if (thread_ready())
		serial = process->serial;
	asking_end();
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
	if (thread.asking || !thread_ready() || bridge_is_anothers())
		return;
	asking_begin();
	lock_take();
	tell(tell_thread_ends, NULL);
	lock_give();
	asking_end();
}

void bridge_init(void)
{
	askable_init();
	reserve_keys();
	have_end_key = !inner.key_create(&end_key, thread_ends) && end_key < KEYS;
	inner.register_atfork(before_fork, after_fork_parent, after_fork_child, &__dso_handle);
}

/* ---- around a hook ---- */

/*
 * A handler that interrupts a hook may leave it by a jump, with the lock and Python's own
 * held: signals that have a handler wait until the hook has returned. Nothing is blocked
 * in a program that has none, for that costs two syscalls. A thread cancelled inside a hook
 * would take the locks with it, too: the inner libc looks at the same thread's flags,
 * pthread_setcancelstate(3).
 */
static void hold(struct asked *asked)
{
	uint64_t handled = handlers_installed();

	asked->held = handled
		&& !sys4(__NR_rt_sigprocmask, SIG_BLOCK, &handled, &asked->mask, 8);
	asking_begin();
	inner.setcancelstate(PTHREAD_CANCEL_DISABLE, &asked->cancel);
}

static void let_go(struct asked *asked)
{
	inner.setcancelstate(asked->cancel, NULL);
	asking_end();
	if (asked->held)
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, &asked->mask, 0, 8);
}

/* For the real call in a hook's middle. Cancellation stays off: it would unwind Python. */
static void leave(const struct asked *asked)
{
	lock_give();
	asking_end();
	if (asked->held)
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, &asked->mask, 0, 8);
}

static void come_back(struct asked *asked)
{
	uint64_t handled = handlers_installed();

	asked->held = handled
		&& !sys4(__NR_rt_sigprocmask, SIG_BLOCK, &handled, &asked->mask, 8);
	asking_begin();
	lock_take();
	now = asked;
}

/* ---- what hooks need of us: on their stack, with the lock held ---- */

static void thread_begins(void)
{
	if (have_end_key)
		inner.setspecific(end_key, bridge);
}

static bool may_be_made(const struct asked *asked)
{
	const uint16_t never = ROW_NORETURN | ROW_JUMP | ROW_EXEC | ROW_FORK;

	return asked->real && asked->entering && !(rows[asked->call->id].flags & never);
}

static long make(struct call *call, call_real *real, const struct plan_rule *rule)
{
	(void)rule;
	call_make(call, real);
	return call->ret;
}

/* On the program's own stack, as if no hook were there: others may run, signals come, a
 * handler's jump leaves nothing locked. The stack of ours that is left so is lost. */
static void make_for_hook(void *argument)
{
	struct asked *asked = argument;
	struct call *call = asked->call;
	int64_t args[MAX_ARGS];

	leave(asked);
	__builtin_memcpy(args, call->args, sizeof(args));
	if (parts.rows[call->id].want & WANT_MAP && !(call->flags & CALL_WITHIN))
		call->ret = map_run(call, asked->real, NULL, make);
	else
		call_make(call, asked->real);
	/* A path that was mapped is gone by now. */
	__builtin_memcpy(call->args, args, sizeof(args));
	call->flags |= CALL_MADE;
	come_back(asked);
}

static int make_real(struct call *seen)
{
	struct asked *asked = now;

	if (!may_be_made(asked))
		return 0;
	__builtin_memcpy(asked->call->args, seen->args, sizeof(seen->args));
	stack_call(make_for_hook, asked, stack_below(asked->top));
	*seen = *asked->call;
	return 1;
}

static bool path_of(const struct call *call, uint32_t index, char *path)
{
	if (rows[call->id].args[index].kind == ARG_DIRFD)
		return dir_path(call->args[index], path);
	return call_path(call, index, path);
}

static const struct ground ground = {
	.readable_string = readable_string,
	.readable = readable,
	.path = path_of,
	.real = make_real,
	.thread_begins = thread_begins,
};

/* ---- starting ---- */

/* Runs on a stack of ours, signals blocked, lock held. */
static void start_here(void *unused)
{
	(void)unused;
	void *handle = REAL(dlmopen)(LM_ID_NEWLM, plan_text(plan->bridge), RTLD_NOW | RTLD_LOCAL);
	const char *said = handle ? NULL : dlerror();

	if (said)
		sys3(__NR_write, 2, said, __builtin_strlen(said));
	bridge = handle ? REAL(dlsym)(handle, "pyshim_bridge") : NULL;
	state = bridge && !bridge->start(plan_text(plan->bridge_plan), &ground) ? ON : BROKEN;
}

static void start(void)
{
	/* But not the one by which the catch-all lives. */
	uint64_t all = ~(1ul << (SIGSYS - 1)), old;
	char *top = stack_take();
	int saved = errno;

	serial = process->serial;
	/* Release pairs with bridge_is_anothers(): who sees another state sees whose it is. */
	__atomic_store_n(&state, BROKEN, __ATOMIC_RELEASE);
	if (!top)
		return;
	sys4(__NR_rt_sigprocmask, SIG_BLOCK, &all, &old, 8);
	stack_call(start_here, NULL, top);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &old, 0, 8);
	stack_give(top);
	errno = saved;
}

/* ---- asking ---- */

/* With the lock held: is there a Python to ask? */
static bool usable(void)
{
	if (state == OFF)
		start();
	if (state != ON)
		skipped(SKIP_HOOK_BROKEN);
	return state == ON;
}

static void ask_here(void *argument)
{
	struct asked *asked = argument;

	asked->delay = bridge->ask(asked->call, asked->hooks, asked->entering);
}

static void ask_on(struct asked *asked)
{
	struct call *call = asked->call;
	uint16_t before = call->flags & CALL_ASKED;

	asked->top = stack_take();
	if (!asked->top) {
		skipped(SKIP_HOOK_STACKS);
		return;
	}
	now = asked;
	call->pid = process->pid;
	call->tid = thread.tid;
	call->flags &= (uint16_t)~CALL_ASKED;
	(call->flags & CALL_CAUGHT ? stack_call_keeping : stack_call)(ask_here, asked, asked->top);
	if (call->flags & CALL_ASKED && call->flags & CALL_INJECTED && call->err)
		failure_make(call, call->err);
	call->flags |= before;
	stack_give(asked->top);
}

static bool in_haste(const void *call)
{
	const struct call *asked = call;

	return asked->flags & CALL_CAUGHT || __atomic_load_n(&state, __ATOMIC_RELAXED) != ON;
}

/* A stack without room for us is to end here, where nothing is held yet: the program may
 * have a handler for that, and leave it by a jump. */
static inline void touch_stack(void)
{
	__asm__ volatile("orb $0, -2048(%%rsp)" : : : "memory", "cc");
}

static void ask(struct asked *asked)
{
	if (!askable(asked->call))
		return;
	touch_stack();
	hold(asked);
	/* While Python starts, its thread may wait for a lock of ld.so's that ours holds (we
	 * may be in a library's constructor), and so may a hook that imports, where what libc
	 * asks by itself comes from dlopen(3). */
	if (lock_take_soon(in_haste, asked->call)) {
		if (usable())
			ask_on(asked);
		lock_give();
	} else {
		skipped(__atomic_load_n(&state, __ATOMIC_RELAXED) == ON ? SKIP_HOOK_BUSY
			: SKIP_HOOK_STARTING);
	}
	let_go(asked);
	if (asked->delay)
		call_delay(asked->delay);
}

void bridge_enter(struct call *call, call_real *real)
{
	struct asked asked = { .call = call, .real = real, .entering = true };

	asked.hooks = call->hooks & plan->enter_hooks;
	if (asked.hooks)
		ask(&asked);
}

void bridge_exit(struct call *call)
{
	struct asked asked = { .call = call, .hooks = call->hooks & plan->exit_hooks };

	if (asked.hooks)
		ask(&asked);
}
