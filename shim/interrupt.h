/*
 * A real signal in the middle of a call: `interrupt=` of a rule. The host sends it, when the
 * kernel says that the thread waits in the call (proc_pid_syscall(5)): so never before it
 * waits, once, and not at all to who has left the call by a jump.
 */
#ifndef PYSHIM_INTERRUPT_H
#define PYSHIM_INTERRUPT_H

#include "call.h"
#include "wire.h"

/* Around the real call, in its thread. Returns when it asked, 0: it could not, for want of
 * a chunk of its own, and that is counted. What the program may die of is told before. */
uint64_t interrupt_ask(const struct call *call, const struct plan_rule *rule);

/* The call is a hit if the signal was sent, and else the rule's next one may be. */
void interrupt_end(struct call *call, const struct plan_rule *rule, uint64_t asked);

#endif
