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

void bridge_enter(struct call *call);
void bridge_exit(struct call *call);

/* Constructor only: before any fork, and before the program takes pthread keys. */
void bridge_init(void);

/* After a fork that bypassed fork(3) Python may have stopped anywhere. */
bool bridge_is_anothers(void);

/* cdef begin: what the bridge library offers as `pyshim_bridge`. */
struct bridge {
	/* 0, or -1 when Python could not be started; said on stderr. `plan` as plan.py wrote
	 * it, `readable_string` as in thread.h: a hook may look at what the kernel refuses. */
	int (*start)(const char *plan, long (*readable_string)(const char *, size_t));
	void (*enter)(struct call *call);
	void (*exit)(struct call *call);
	void (*before_fork)(void);
	void (*after_fork)(int in_child);
};
/* cdef end */

#endif
