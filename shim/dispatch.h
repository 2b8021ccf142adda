/* The second half of call_run(), for those who must own memory until the call is over. */
#ifndef PYSHIM_DISPATCH_H
#define PYSHIM_DISPATCH_H

#include "call.h"
#include "wire.h"

/* Rules and hooks, for those that make the call elsewhere: jump.c, divide.c. */
void call_decide(struct call *call);

/* The real call by itself, with what we must know of it: errno, marks, seccomp. */
void call_make(struct call *call, call_real *real);

long call_finish(struct call *call, call_real *real, const struct plan_rule *rule);

#endif
