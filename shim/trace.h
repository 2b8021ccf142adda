/* Events: from a call to a record in a chunk (chunk.h). */
#ifndef PYSHIM_TRACE_H
#define PYSHIM_TRACE_H

#include <stdbool.h>
#include "call.h"

/* Clock ticks: rdtsc where the host found it good, else CLOCK_MONOTONIC in ns. */
uint64_t trace_clock(void);

/* This thread goes into a call that may block: tell the host, should we die there. */
void trace_mark(struct call *call);
void trace_unmark(const struct call *call);

/* The call as an event. */
void trace_call(const struct call *call);

/* An exec that may not return. If it does, trace_call() takes it back. */
void trace_exec(const struct call *call);

/* This process is under the shim: from the constructor, or in a fork's child. */
void trace_start(bool forked);
void trace_exit(int status);
/* The next exec of this process goes to `path`, which will not be under the shim. */
void trace_bypass(const char *path, const char *why);

#endif
