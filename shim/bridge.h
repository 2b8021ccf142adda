/*
 * Python in the target: started by the first call that a Python hook wants, and never
 * ended. Decisions are written into the call: ret, err, args, CALL_ANSWERED.
 *
 * The interpreter lives in a namespace of its own (dlmopen(3)) with its own libc: its
 * errno, malloc and FILEs are not the program's, so its calls never come back to us.
 * One mutex is held around every hook and across fork; hooks run on a stack of their
 * own. A call that can't be asked about goes through and is counted (wire.h, skip_reason).
 */
#ifndef PYSHIM_BRIDGE_H
#define PYSHIM_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include "call.h"
#include "wire.h"

/* `real`: NULL, or what a hook may make the call by; as the rules that fired want it made. */
void bridge_enter(struct call *call, call_real *real, const struct plan_rule *rule);
void bridge_exit(struct call *call);

/* Constructor only: Python now, not with the first hook. */
void bridge_start(void);

struct moment;  /* process_hooks.h */

/* Tell the process hooks. */
void bridge_moment(const struct moment *moment);

/* After a fork that bypassed fork(3) Python may have stopped anywhere. */
bool bridge_is_anothers(void);

struct shared;  /* shared.h */

/* What the bridge library may ask of us while a hook runs, in the thread it runs in. */
struct ground {
	long (*readable_string)(const char *text, size_t most);  /* thread.h */
	bool (*readable)(const void *at, size_t size);
	bool (*path)(const struct call *call, uint32_t index, char *path);  /* paths.h */
	/* Make the call: args in, the result out. 0: it can't be made from a hook. */
	int (*real)(struct call *call);
	/* What plugins share, in the arena; NULL: nothing. */
	struct shared *(*shared)(void);
	/* The first hook in this thread: bridge.thread_ends() is to be called. */
	void (*thread_begins)(void);
	const char *rundir;
	/* One more of these, enum hook_error. */
	void (*count_error)(uint32_t hook, uint32_t error);
};

/* What the bridge library offers as `pyshim_bridge`. */
struct bridge {
	/* 0, or -1 when Python could not be started; said on stderr. `plan` as bridge_plan.py
	 * wrote it. */
	int (*start)(const char *plan, const struct ground *ground);
	/* Ask these hooks, a bit each; ns to wait afterwards. */
	uint64_t (*ask)(struct call *call, uint32_t hooks, int entering);
	/* Tell these hooks, a bit each. */
	void (*moment)(const struct moment *moment, uint32_t hooks);
	void (*before_fork)(void);
	void (*after_fork)(int in_child);
	void (*thread_ends)(void);
	/* The hook that runs is given up, and none is asked again. May do what a signal
	 * handler may. */
	void (*gave_up)(void);
};

#endif
