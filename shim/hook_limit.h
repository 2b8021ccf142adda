/*
 * The time a Python hook may take. The host looks on (pyshim/hook_limit.py): a hook that
 * runs for longer gets a SIGSYS from it, and is given up where it stands. Nothing can be
 * known then of the interpreter's locks, so no hook is asked in this process any more.
 *
 * All but limit_sent() with the hook mutex held.
 */
#ifndef PYSHIM_HOOK_LIMIT_H
#define PYSHIM_HOOK_LIMIT_H

#include <signal.h>
#include <stdbool.h>
#include "call.h"

/* Python is about to be started: SIGSYS gets a handler where the program has none. Where it
 * has one, or the catch-all is armed, that one is told by limit_sent(). */
void limit_init(void);

/* What runs for `call` on the hook stack that ends at `top`. `given_up` is called in the
 * handler: async-signal-safe, and nothing of Python's may be taken for whole. */
void limit_begins(const struct call *call, char *top, void (*given_up)(void));

/* Counts it (not where `count` is NULL), and the ticks it took. False: it was given up; stack_call() has returned all
 * the same. */
bool limit_ends(uint64_t *count, uint64_t *ticks);

/* In a handler of SIGSYS: true when it was the host's word, and all is done. */
bool limit_sent(const siginfo_t *info, void *context);

#endif
