/*
 * How functions tell that they failed: a value and errno, the number itself, a code of
 * their own, marks in memory. Rows say which (`fails`); failure.c knows what each means.
 *
 * In call->err an errno is positive; a code that is no errno (EAI_AGAIN, TRY_AGAIN,
 * GLOB_NOSPACE) is negative, as gen_kinds.py has them. Any thread, any time.
 */
#ifndef PYSHIM_FAILURE_H
#define PYSHIM_FAILURE_H

#include "call.h"

/* Let the call have failed with err: ret, and what else the function would have left. */
void failure_make(struct call *call, int err);

/* Around the real call: what errno was; then call->err from what was returned. */
int failure_before(const struct call *call);
void failure_take(struct call *call, int before);

/* What the program gets. errno is set only for a failure that we made. */
long failure_give(const struct call *call);

/* The same of syscall(2), which tells failures that the function of that name does not. */
long failure_by_number(const struct call *call, long ret);

#endif
