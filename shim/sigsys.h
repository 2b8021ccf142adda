/*
 * SIGSYS belongs to the catch-all while it is armed: never blocked, and handled by us. The
 * program is to find what it would find without us: its own action, its own mask, its own
 * alternate stack, and each SIGSYS that is not the kernel's way to call us.
 */
#ifndef PYSHIM_SIGSYS_H
#define PYSHIM_SIGSYS_H

#include <signal.h>
#include "masks.h"

enum { DISPATCHED = 2 /* SYS_USER_DISPATCH, sigaction(2) */ };

/* As the kernel has it, sigaction(2). */
struct action {
	void (*handler)(int, siginfo_t *, void *);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

/* Constructor only. What was there before our own handler and before we unblocked it. */
void sigsys_take(const struct action *before, uint64_t mask);

/* In the handler: a SIGSYS that somebody sent, or that a seccomp filter asked for. */
void sigsys_sent(siginfo_t *info, void *context);

/* How to make a syscall that says something of signals, as if SIGSYS were the program's;
 * NULL: as it is. */
kept_call *sigsys_way(uint64_t nr);

/* Makes it in one way or the other. The result is the kernel's. */
long sigsys_call(struct call *call, int64_t nr);

/* A thread begins with its parent's mask, and a process without handlers if it was made so
 * (CLONE_CLEAR_SIGHAND, clone3(2)). */
void sigsys_inherit(bool was_blocked, bool cleared);

#endif
