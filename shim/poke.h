/* Bytes written into the program's memory: poke_enter= and poke_exit=, a short message. */
#ifndef PYSHIM_POKE_H
#define PYSHIM_POKE_H

#include "call.h"

/* As much of it as can be written there, in bytes, or -EFAULT: nothing. Another error is
 * about who asks, not about the memory: -EPERM in a program that is in seccomp. errno is
 * kept. */
long memory_write(void *to, const void *from, size_t size);

/* Writes where the call's arguments point what the struct plan_poke at that offset of the
 * plan say. Memory that can't be written is left alone, and counted (SKIP_POKE). */
void poke(const struct call *call, uint32_t at);

#endif
