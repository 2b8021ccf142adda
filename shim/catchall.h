/*
 * The catch-all: every syscall that does not come from here is sent back as SIGSYS by the
 * kernel (Syscall User Dispatch, prctl(2), Linux 5.11), and made from here instead. So what
 * libc calls by itself and the program's own `syscall` instructions pass the same
 * dispatcher as the wrappers do.
 *
 * Armed by range: `syscall` instructions of this library pass, all others don't. It is a
 * property of the thread; fork, vfork and clone clear it in the child, exec in the process.
 * So each child is armed again on its way back (divide.c), and each program by our
 * constructor.
 */
#ifndef PYSHIM_CATCHALL_H
#define PYSHIM_CATCHALL_H

#include <stdbool.h>
#include <stdint.h>
#include "call.h"

#define SIGSYS_BIT (1ul << (SIGSYS - 1))

/* What catch_call keeps on the program's stack: the registers as they were at the `syscall`,
 * and where to go on. The assembly knows the offsets. */
struct caught {
	int64_t nr;        /* later: the result, as the kernel's: -errno when it failed */
	int64_t args[6];   /* rdi rsi rdx r10 r8 r9 */
	int64_t flags;
	int64_t rbp;
	int64_t rip, rsp;  /* of the program, behind the `syscall`: for unwinders and for `site` */
	int64_t resume;    /* where to go on: rip, or in the copy of a patched site */
	/* Filled and read by divide.c alone: */
	struct caught *parents;  /* what the parent goes on with, and... */
	struct caught *first;    /* ... where it has to be then */
	uint64_t mask;           /* of signals, as the program had it */
	uint64_t entered;
	int32_t rule;
	uint32_t count;
	uint16_t id, call_flags, via;
	bool log, armed, arm, clears, blocked, in_use;
};

/* How to go on: as `caught` says, or first by this way through the kernel. In registers:
 * rax and rdx. */
struct way {
	struct caught *caught;
	void (*divide)(void);
};

/* Constructor only: arm this thread. False: the kernel can't. */
bool catchall_arm(void);

/* This thread alone; 0, or -errno. */
long catchall_on(void);
void catchall_off(void);

/* Our action for SIGSYS, again. */
long catchall_handle(void);

/* Called by catch_call, on the program's stack. */
struct way catch_made(struct caught *caught);

/* The call itself, made for the program, and as the kernel takes it. */
long call_raw(const struct call *call, int64_t nr);

/* divide.c: clone, clone3, fork and vfork, which come back twice. `known`: the program's
 * call has been told already. */
bool divides(uint64_t nr);
struct way divide(struct caught *caught, struct call *call, bool known);

#endif
