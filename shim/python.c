/* Rules in python.h and bridge.h. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include "askable.h"
#include "hook_limit.h"
#include "hook_stack.h"
#include "inner.h"
#include "plan.h"
#include "python.h"
#include "real.h"
#include "remote.h"
#include "sys.h"
#include "thread.h"

enum { KEYS_INSIDE = 24 };

struct bridge *bridge;
static enum python_state state;
static uint32_t serial;    /* of the process whose fork we have followed */

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

void python_init(void)
{
	askable_init();
	reserve_keys();
	python_follow();
}

void python_follows(void)
{
	serial = process->serial;
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
