/* Rules: which of them decides this call. Readable twins in pyshim/rules.py, glob.py. */
#ifndef PYSHIM_RULES_H
#define PYSHIM_RULES_H

#include "call.h"
#include "wire.h"

/* Counts the call for every rule that names it, notes the Python hooks that want it,
 * and returns the first rule that fires, or NULL. No lock, no allocation; a syscall
 * only where a path or fairness is a condition. */
const struct plan_rule *rules_match(struct call *call, const struct plan_row *want);

/* Whether an EINTR of this call could have happened by itself: signal(7). */
bool call_is_fair(const struct call *call);

#endif
