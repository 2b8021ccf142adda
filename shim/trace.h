/* Events: from a call to a record in a chunk (chunk.h). */
#ifndef PYSHIM_TRACE_H
#define PYSHIM_TRACE_H

#include <stdbool.h>
#include "call.h"
#include "wire.h"

/* Clock ticks: rdtsc where the host found it good, else CLOCK_MONOTONIC in ns. */
uint64_t trace_clock(void);

/* Strict seccomp and PR_SET_TSC make rdtsc fatal, which the vDSO uses, too: from here
 * on each reading is one tick after the other. */
void trace_stop_clock(bool stop);

/* This thread goes into a call: to be told as unfinished should it end there, or jump
 * away. `outer` keeps the mark of the call that a handler of ours has interrupted. */
void trace_mark(struct call *call, struct mark *outer);
void trace_unmark(const struct call *call, const struct mark *outer);
/* This thread ends: the call it is in, if any, will not return. */
void trace_abandoned(void);

/* The call as an event. */
void trace_call(const struct call *call);

/* The call as one that has begun and will not return. */
void trace_cut(const struct call *call);

/* The call as one that may not return: forgotten when it does. */
void trace_deadly(const struct call *call);

/* An exec that may not return. If it does, trace_call() takes it back. */
void trace_exec(const struct call *call);

/* This process is under the shim: from the constructor, or in a fork's child. */
void trace_start(bool forked);
void trace_exit(int status);
/* The next exec of this process goes to `path`, which will not be under the shim. */
void trace_bypass(const char *path, const char *why);

#endif
