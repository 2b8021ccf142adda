/*
 * Slots and reals. An exported symbol is `jmp *slots[i]`; a wrapper calls reals[i].
 * Both begin at lazies[i], which looks the name up on first use and stores what it
 * found, so a call before our constructor simply goes to the next library.
 */
#ifndef PYSHIM_REAL_H
#define PYSHIM_REAL_H

#include <stdint.h>
#include "calls.gen.h"

struct export {
	const char *name, *version;
	uint16_t call;
	uint16_t wrap;   /* the wrapper fits: this version is the same code as the default */
};

extern const struct export exports[NEXPORTS];
extern void *slots[NEXPORTS];
extern void *reals[NEXPORTS];
extern void *const lazies[NEXPORTS];

/* The definition after ours, as RTLD_NEXT would find it. Any thread, any time: takes
 * no lock, allocates nothing, calls nothing. Called from stubs.gen.S via lazy.S. */
void *real_find(uint32_t index);

/* Point the slots of `call` to its wrapper. Constructor only. */
void real_wrap(uint32_t index);

#endif
