/*
 * The time a Python hook may take. The host looks on (pyshim/hook_limit.py): of a hook that
 * runs for longer it stops the thread (ptrace(2)), and lets it go on where the hook is given
 * up. Nothing can be known then of the interpreter's locks, so no hook is asked in this
 * process any more.
 *
 * With the hook mutex held.
 */
#ifndef PYSHIM_HOOK_LIMIT_H
#define PYSHIM_HOOK_LIMIT_H

#include <stdbool.h>
#include "call.h"

/* On the hook stack that ends at `top`, told apart by stack_call(). `given_up` is called on
 * it at any moment: only what a signal handler may do. */
void limit_begins(const struct call *call, char *top, void (*given_up)(void));

/* Counts it (not where `count` is NULL), and the ticks it took. False: it was given up;
 * stack_call() has returned all the same. */
bool limit_ends(uint64_t *count, uint64_t *ticks);

#endif
