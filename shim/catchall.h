/*
 * The catch-all: every syscall that does not come from here is sent back as SIGSYS by the
 * kernel (Syscall User Dispatch, prctl(2), Linux 5.11), and made from here instead. So what
 * libc calls by itself and the program's own `syscall` instructions pass the same
 * dispatcher as the wrappers do.
 *
 * Armed by range: `syscall` instructions of this library pass, all others don't. It is a
 * property of the thread; fork, vfork and clone clear it in the child, exec in the process.
 * So each child is armed again on its way back (catchall_x86_64.S), and each program by
 * our constructor.
 */
#ifndef PYSHIM_CATCHALL_H
#define PYSHIM_CATCHALL_H

#include <stdbool.h>
#include <stdint.h>

/* What the SIGSYS handler leaves on the program's stack for catch_call: the registers as
 * they were at the `syscall`, and where to go on. Offsets are used in the assembly. */
struct caught {
	int64_t nr;
	int64_t args[6];   /* rdi rsi rdx r10 r8 r9 */
	int64_t flags;
	int64_t rbp;
	int64_t rip, rsp;  /* of the program, behind the `syscall`: for unwinders and for `site` */
	int64_t resume;    /* where to go on: rip, or in the copy of a patched site */
};

/* Constructor only: install the handler, arm this thread. False: the kernel can't. */
bool catchall_arm(void);

/* The bytes that may make syscalls: all of this library. */
extern const char catch_begin[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

#endif
