/* What a rule asks of a call before it counts it: struct plan_test of wire.h. */
#ifndef PYSHIM_CONDITIONS_H
#define PYSHIM_CONDITIONS_H

#include "call.h"
#include "wire.h"

/* Whether all of them hold. A condition that can't be looked at (memory that can't be
 * read, a program in seccomp) does not hold. Any thread, any time; no lock, no allocation;
 * syscalls only for a path, the kind or port of a descriptor, a thread's name, a time. */
bool tests_hold(const struct call *call, const struct plan_ref *ref);

/* The program's file, or "" where that can't be known. */
const char *program_path(void);

#endif
