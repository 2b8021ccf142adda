/*
 * Where Python can't be in the target: memory that its processes share with the stand-ins.
 * One of these, a Python process of the host's, stands in for the interpreter of one
 * process of the target's, and for no other: it is made by that process's first hook,
 * forked when it forks, killed when it ends. The nursery makes and ends them.
 *
 * A process talks to its stand-in by one channel, in turns; it holds the hook mutex
 * (bridge.c), so only one of its threads does. Memory is not reached across: the thread
 * that waits is asked to read and write, which needs no right to trace it.
 *
 * Change anything: bump REMOTE_VERSION. The host reads these declarations through cffi.
 */
#ifndef PYSHIM_REMOTE_WIRE_H
#define PYSHIM_REMOTE_WIRE_H

#include <stdint.h>
#include "call.h"

/* cdef begin */
#define REMOTE_MAGIC 0x746f6d72
#define REMOTE_VERSION 2
#define REMOTE_CHANNELS 256  /* processes with hooks at a time */
#define REMOTE_TEXTS 2
#define REMOTE_TEXT 768      /* bytes of a text that is handed over unasked */
#define REMOTE_WINDOW 2048

/* A pthread_mutex_t of the host's libc, robust and shared, taken by the process that it
 * is about and never given back. Its first word says that it has ended, futex(2), even by
 * SIGKILL: no pid is asked about, which may be another's, or of another namespace. */
struct alive {
	uint64_t mutex[5];
};

/* Of a channel. STARTING waits for the nursery, RUNNING and BROKEN are the stand-in's. */
enum remote_state {
	REMOTE_FREE, REMOTE_STARTING, REMOTE_RUNNING, REMOTE_BROKEN,
};

/* Whose turn it is. Who waits in the kernel says so first, in the same word. */
enum remote_turn { TURN_TARGET, TURN_STAND_IN, TURN_WAITED = 2 };

/* What is wanted with the turn. */
enum remote_word {
	/* by the target; 0: the channel was taken away */
	SAY_ENTER = 1,          /* ask about `call` */
	SAY_EXIT,
	SAY_MOMENT,          /* tell hooks of `moment` */
	SAY_FORK,            /* fork, for channel number `size` */
	SAY_DONE,            /* of what the stand-in wanted: `size` says how it went */
	SAY_MADE,            /* of REAL; others may have asked meanwhile. `token` as it was */
	/* by the stand-in: */
	WANT_NOTHING,        /* `call` has been decided about; wait `delay` ns */
	WANT_TEXT,           /* length of the string at `address`, or -1; it, or its begin */
	WANT_READ,           /* `size` bytes from there into the window; -1: unreadable */
	WANT_WRITE,          /* ... out of it */
	WANT_PATH,           /* of argument number `size`: its length, `address`; -1: none */
	WANT_MEMORY,         /* `size` bytes, for good; their address, or -errno */
	WANT_REAL,           /* make the call now; 0: it can't be made from a hook */
};

/* A text among the arguments, handed over unasked. */
struct remote_text {
	int64_t address;     /* 0: none */
	int64_t length;
	char text[REMOTE_TEXT];
};

struct channel {
	struct alive alive;  /* the stand-in */
	uint32_t turn;       /* futex; enum remote_turn */
	uint32_t word;       /* enum remote_word */
	uint32_t state;      /* futex; enum remote_state */
	uint32_t pid;        /* of the process, 0: free, taken by compare and swap. Of its
	                        parent as long as `unborn` */
	uint32_t unborn;     /* for a child that is just being forked */
	uint32_t forked;     /* its stand-in is made by its parent's, not by the nursery */
	uint32_t stand_in;   /* its pid */
	uint32_t token;      /* of the hook that wanted REAL */
	uint32_t why;        /* bytes in the window: why Python can't be in this process */
	int64_t address, size;
	uint64_t delay;
	struct call call;
	uint32_t hooks;      /* which to ask, a bit each */
	int64_t moment[7];   /* the members of struct moment, process_hooks.h */
	uint32_t gave_up;    /* futex; 1: what runs has taken too long, 2: it was ended */
	struct remote_text texts[REMOTE_TEXTS];
	char window[REMOTE_WINDOW];
};

struct remote {
	uint32_t magic, version;
	uint32_t closed;     /* the run is over, or there will be no nursery */
	uint32_t claims;     /* futex: moves when the nursery is to look */
	uint32_t spins;      /* rounds to wait for a turn before the kernel is asked to */
	uint32_t full;       /* processes that found no channel free */
	struct alive host, nursery;
	/* at 4096: struct channel channels[REMOTE_CHANNELS] */
};
/* cdef end */

enum { REMOTE_AT = 4096 };

_Static_assert(sizeof(struct channel) <= 4096, "one page");
_Static_assert(sizeof(struct remote) <= REMOTE_AT, "one page");

#endif
