/*
 * What few threads need, and then much of it: not for thread-local storage, of which every
 * thread pays for every byte. Mapped when it is needed first, and gone with the thread.
 */
#ifndef PYSHIM_APART_H
#define PYSHIM_APART_H

#include <signal.h>
#include "catchall.h"
#include "sigsys.h"

enum { STACK_ROOM = 65536, LENT = 8, SAID = 32 /* of siginfo_t, what kill and sigqueue fill */ };

struct apart {
	/* An alternate stack with room for two frames of the kernel's and ours, lowest so
	 * that an overflow meets the mapping's end. */
	char stack[STACK_ROOM];
	stack_t asked;             /* the one that the program asked for; no size: none */
	char said[SAID];           /* of the SIGSYS that waits for being unblocked */
	bool pending;
	bool childs_own;           /* the action that a vfork child has set for SIGSYS: */
	struct action childs;
	struct caught lent[LENT];  /* divide.c: parents that wait in vfork */
};

/* This thread's; NULL: there is no memory, or, with `make` false, none was needed yet. */
struct apart *apart(bool make);

/* The thread ends. */
void apart_free(void);

/* sigaltstack(2): a small stack is not used, but a bigger one. */
kept_call change_stack;

#endif
