/* Rules: which of them decides this call. Readable twins in pyshim/rules.py, glob.py. */
#ifndef PYSHIM_RULES_H
#define PYSHIM_RULES_H

#include "call.h"
#include "wire.h"

/* Counts the call for every rule that names it and whose conditions hold, notes the Python
 * hooks that want it, and returns what the rules that fire do together, or NULL: the first
 * one's, or `all`, which is the caller's and has to live until the call is over. No lock, no
 * allocation; a syscall only where conditions.h says so, and for fairness. */
const struct plan_rule *rules_match(struct call *call, const struct plan_row *want,
				    struct plan_rule *all);

/* Whether a hit of it is counted and told before the call, not when it shows. */
bool rules_tell_at_once(const struct plan_rule *rule);

/* It fired, and did nothing: it may fire once more (times=). */
void rules_give_back(const struct plan_rule *rule);

/* Whether an EINTR of this call could have happened by itself: signal(7). */
bool call_is_fair(const struct call *call);

#endif
