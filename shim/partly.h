/* Calls that move bytes: how many, and fewer of them (`short=` of a rule). */
#ifndef PYSHIM_PARTLY_H
#define PYSHIM_PARTLY_H

#include "call.h"

/* The bytes it is to move, by its own arguments; 0: it moves none, or they can't be read. */
uint64_t call_moves(const struct call *call);

/* So many bytes of them: `value`, or -value percent and at least one. */
uint64_t call_fewer(const struct call *call, int64_t value);

/* The real call, with no more than call_fewer(). What the program passed is left as it is:
 * vectors and messages are copied, onto this stack or, of many pieces, to pages of their
 * own. */
void partly_make(struct call *call, call_real *real, int64_t value);

#endif
