/*
 * How much the program has allocated, for rules with a budget: what malloc_usable_size(3)
 * says of each block there is, by whatever allocator. A block from before our constructor is
 * missed, and counts less when it is freed.
 *
 * A fork's child has its parent's memory, and so its count; a vfork's uses its parent's. An
 * exec begins anew. Any thread, any time; no lock.
 */
#ifndef PYSHIM_BUDGET_H
#define PYSHIM_BUDGET_H

#include <stdbool.h>
#include "call.h"

/* Whether any rule has one. Constructor only. */
void budget_init(void);

/* Whether to make the call by budget_make(). */
extern bool budget_counts;

/* The real call of one of the family, and what it changes. */
void budget_make(struct call *call, call_real *real);

/* Whether it would make more than `budget` bytes allocated. Threads that ask at the same
 * moment may be let through together. */
bool budget_passed(const struct call *call, int64_t budget);

#endif
