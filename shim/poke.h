/* poke_enter= and poke_exit=: bytes written into the program's memory. */
#ifndef PYSHIM_POKE_H
#define PYSHIM_POKE_H

#include "call.h"

/* Writes where the call's arguments point what the struct plan_poke at that offset of the
 * plan say. Memory that can't be written is left alone, and counted (SKIP_POKE). */
void poke(const struct call *call, uint32_t at);

#endif
