/*
 * malloc(3) and its kin. Their names are libpyalloc.so's, which is preloaded, before us,
 * only where a rule or a log asks for one of them; slots, wrappers and reals are with all the
 * others.
 *
 * What these call among themselves, by their names, counts once: strdup(3) calls malloc, and
 * its malloc is passed by where all that name malloc name strdup, too. C++'s new is malloc
 * at the place that called new.
 */
#ifndef PYSHIM_ALLOC_H
#define PYSHIM_ALLOC_H

#include <stdbool.h>
#include "call.h"

/* What is to be wrapped of them in this process. Constructor only; counts what can't be
 * seen (SKIP_ALLOC_OWN and its like). */
void alloc_init(void);

/* Whether the slot of this export may go to its wrapper, if that is wanted: after
 * alloc_init(), and for any export. */
bool alloc_wraps(uint32_t export);

/* As call_run(), of the calls that libpyalloc.so exports. */
long alloc_run(struct call *call, call_real *real);

#endif
