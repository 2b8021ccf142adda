/*
 * A real signal in the middle of a call: `interrupt=` of a rule. The host sends it, when the
 * kernel says that the thread waits in the call (proc_pid_syscall(5)): so never before it
 * waits, once, and not at all to who has left the call by a jump.
 */
#ifndef PYSHIM_INTERRUPT_H
#define PYSHIM_INTERRUPT_H

#include "call.h"
#include "wire.h"

/* Around the real call, in its thread. A thread without a chunk of its own can't ask: that
 * is counted. A hit that the program may die of is told before. */
void interrupt_ask(const struct call *call, const struct plan_rule *rule);
void interrupt_take_back(void);

#endif
