/*
 * The calls with a set of signals. SIGSYS is taken out of each, or the next `syscall` would
 * kill; whether the program believes it blocked is kept here, and one that is sent meanwhile
 * waits here until it isn't.
 */
#ifndef PYSHIM_MASKS_H
#define PYSHIM_MASKS_H

#include <signal.h>
#include <stddef.h>
#include "call.h"

extern _Thread_local bool sigsys_blocked
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Of a pointer of the program's, NULL included. Where no probe may be made it is believed. */
bool given(const void *at, size_t size);

/* One SIGSYS of this thread's: later ones are lost, as with every signal below SIGRTMIN. */
void keep_waiting(const siginfo_t *info);
void send_what_waited(void);
void forget_what_waits(void);

/* Makes the syscall `nr`; the result is the kernel's. */
typedef long kept_call(struct call *call, int64_t nr);

/* How to make one with a set in it; NULL: it has none. */
kept_call *masks_way(uint64_t nr);

#endif
