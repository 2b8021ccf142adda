/* Rules in bridge.h. */
#define _GNU_SOURCE
#include <pthread.h>
#include "actions.h"
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
#include "process_hooks.h"
#include "python.h"
#include "real.h"
#include "thread.h"

/* One call on its way through its hooks, on the stack of the thread that makes it. */
struct asked {
	struct call *call;
	call_real *real;     /* NULL: it can't be made from here */
	const struct plan_rule *rule;  /* what rules do to it, NULL: nothing */
	uint32_t hooks;
	bool entering;
	char *top;           /* of the stack they run on */
	struct held signals;
	int cancel;
	uint64_t delay;      /* ns: to wait when all is over */
	const struct moment *moment;  /* not of a call, but of the process; NULL: of a call */
};

static struct asked *now;  /* whose hook runs; under the lock */

/* ---- around a hook ---- */

/*
 * A handler that interrupts a hook may leave it by a jump, with the lock and Python's own
 * held: signals that have a handler wait until the hook has returned. Nothing is blocked
 * in a program that has none, for that costs two syscalls. A thread cancelled inside a hook
 * would take the locks with it, too: the inner libc looks at the same thread's flags,
 * pthread_setcancelstate(3).
 */
static void hold_signals(struct asked *asked)
{
	handlers_hold(&asked->signals);
	asking_begin();
}

static void let_signals(const struct asked *asked)
{
	asking_end();
	handlers_let(&asked->signals);
}

static void hold(struct asked *asked)
{
	hold_signals(asked);
	inner.setcancelstate(PTHREAD_CANCEL_DISABLE, &asked->cancel);
}

static void let_go(struct asked *asked)
{
	let_signals(asked);
	/* Last: it may be cancelled here, and its handlers make calls. */
	inner.setcancelstate(asked->cancel, NULL);
}

/* For the real call in a hook's middle. Cancellation stays off: it would unwind Python. */
static void leave(const struct asked *asked)
{
	python_ends(NULL, &arena->hook_ticks);
	lock_give();
	let_signals(asked);
}

static void come_back(struct asked *asked)
{
	hold_signals(asked);
	lock_take();
	now = asked;
	python_begins(asked->call, asked->top);
}

/* ---- what hooks need of us: on their stack, with the lock held ---- */

static void count_error(uint32_t hook, uint32_t error)
{
	__atomic_fetch_add(&arena->errors[hook][error], 1, __ATOMIC_RELAXED);
}

static bool may_be_made(const struct asked *asked)
{
	const uint16_t never = ROW_NORETURN | ROW_JUMP | ROW_EXEC | ROW_FORK;

	return asked->real && asked->entering && !(rows[asked->call->id].flags & never);
}

static long make(struct call *call, call_real *real, const struct plan_rule *rule)
{
	act_make(call, real, rule);
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
		call->ret = map_run(call, asked->real, asked->rule, make);
	else
		make(call, asked->real, asked->rule);
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

static struct shared *shared(void)
{
	return arena->shared_at ? (struct shared *)((char *)arena + arena->shared_at) : NULL;
}

static struct ground ground = {
	.readable_string = readable_string,
	.readable = readable,
	.path = path_of,
	.real = make_real,
	.shared = shared,
	.thread_begins = python_thread_begins,
	.count_error = count_error,
};

/* ---- asking ---- */

static void ask_here(void *argument)
{
	struct asked *asked = argument;

	if (asked->moment)
		bridge->moment(asked->moment, asked->hooks);
	else
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
	python_begins(call, asked->top);
	(call->flags & CALL_CAUGHT ? stack_call_keeping : stack_call)(ask_here, asked, asked->top);
	if (!python_ends(&arena->hooks, &arena->hook_ticks))
		return;
	if (call->flags & CALL_ASKED && call->flags & CALL_INJECTED && call->err)
		failure_make(call, call->err);
	call->flags |= before;
	stack_give(asked->top);
}

/* With the lock held, for of several ends of a process the first is told. */
static bool wanted(struct asked *asked)
{
	if (asked->moment)
		asked->hooks = moment_hooks(asked->moment);
	return asked->hooks;
}

static bool in_haste(const void *call)
{
	const struct call *asked = call;

	return asked->flags & CALL_CAUGHT || python_state() != PYTHON_ON;
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
		if (python_usable(asked->call, &ground) && wanted(asked))
			ask_on(asked);
		lock_give();
	} else {
		skipped(python_state() == PYTHON_ON ? SKIP_HOOK_BUSY
			: SKIP_HOOK_STARTING);
	}
	let_go(asked);
	if (asked->delay)
		call_delay(asked->delay);
}

void bridge_enter(struct call *call, call_real *real, const struct plan_rule *rule)
{
	struct asked asked = { .call = call, .real = real, .rule = rule, .entering = true };

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

void bridge_start(void)
{
	struct call call;
	struct asked asked = { .call = &call };

	call_begin(&call, 0, NULL);
	hold(&asked);
	lock_take();
	python_usable(&call, &ground);
	lock_give();
	let_go(&asked);
}

/* As of a call that came through no function: each register is kept, and nobody waits for
 * ever for a hook of another thread. */
void bridge_moment(const struct moment *moment)
{
	struct call call;
	struct asked asked = { .call = &call, .moment = moment };

	call_begin(&call, CALL__exit, NULL);
	call.flags = CALL_CAUGHT;
	ask(&asked);
}
