/* What rules that fired do to a call: one struct plan_rule says it for all (rules.h). */
#ifndef PYSHIM_ACTIONS_H
#define PYSHIM_ACTIONS_H

#include "call.h"
#include "wire.h"

/* Before the call: delays, signals, an answer in its place; or what flags of the call ask
 * of those who make it. */
void act_at_enter(struct call *call, const struct plan_rule *rule);

/* The real call: in part, within a quota, with a signal asked for while it waits; `rule` NULL:
 * as it is. */
void act_make(struct call *call, call_real *real, const struct plan_rule *rule);

/* A hit that shows only while the call is made: counted and told as of `rule->index`. */
void act_late(struct call *call, const struct plan_rule *rule);

/* Behind the real call, before hooks see its result: reported as failed, marks. */
void act_before_exit(struct call *call, const struct plan_rule *rule);

/* When all is decided. */
void act_at_exit(const struct call *call, const struct plan_rule *rule);

/* The thread waits, signals are handled meanwhile. */
void call_delay(uint64_t ns);

#endif
