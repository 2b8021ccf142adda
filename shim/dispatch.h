/* The second half of call_run(), for those who must own memory until the call is over. */
#ifndef PYSHIM_DISPATCH_H
#define PYSHIM_DISPATCH_H

#include "call.h"
#include "wire.h"

/* What a rule that fired does before the call; each hit is counted where the host can
 * see it. jump.c calls it too. */
void call_act(struct call *call, const struct plan_rule *rule);

/* Rules and hooks, for those that make the call elsewhere: jump.c, divide.c. */
void call_decide(struct call *call);

/* The real call by itself, with what we must know of it: errno, marks, seccomp. */
void call_make(struct call *call, call_real *real);

void call_delay(uint64_t ns);

long call_finish(struct call *call, call_real *real, const struct plan_rule *rule);

#endif
