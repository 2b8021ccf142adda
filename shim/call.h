/*
 * The currency: one call on its way through the shim. Read this file first.
 *
 * A wrapper packs its arguments into a struct call on its own stack and hands it to
 * call_run() (dispatch.c), together with the function that makes the real call from
 * it. Rules, Python plugins, the trace and every later way in see this same struct.
 */
#ifndef PYSHIM_CALL_H
#define PYSHIM_CALL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* cdef begin: the bridge and the host read this part through cffi. */

#define MAX_ARGS 6

struct call {
	uint16_t id;         /* CALL_read ...: which exported name */
	uint16_t flags;      /* enum call_flag */
	int32_t rule;        /* rule that decided, -1: none */
	int32_t err;         /* errno it ended with, 0: did not fail */
	uint32_t hooks;      /* Python hooks that want this call, one bit each */
	int64_t args[MAX_ARGS];
	int64_t ret;
	uint64_t site;       /* return address: where in the program */
	uint64_t entered;    /* clock ticks, see trace.c */
	uint64_t left;       /* 0: when the record is written */
	int32_t pid, tid;    /* filled for Python hooks only */
	uint16_t via;        /* 1 + the call of libc's that made it, 0: nobody knows */
	uint32_t count;      /* the number that `rule` gave it */
};

enum call_flag {
	CALL_ANSWERED = 1,   /* the real call is not made */
	CALL_AFTER = 2,      /* the real call is made, then reported as failed */
	CALL_INJECTED = 4,   /* what the program sees is not what the kernel said */
	CALL_ASKED = 8,      /* by a Python hook */
	CALL_FAIR = 16,      /* this EINTR could have happened by itself */
	CALL_MAPPED = 32,    /* a path was rewritten */
	CALL_MARKED = 64,    /* the chunk says we are inside */
	CALL_HIT = 128,      /* a rule fired: told even when nothing is logged */
	CALL_CAUGHT = 256,   /* a syscall, not through a function: no errno (catchall.c) */
	CALL_WITHIN = 512,   /* made by libc for a call that has been seen: mapped already */
	CALL_MADE = 1024,    /* by a Python hook: what it returned is the result */
	CALL_INTERRUPT = 2048, /* a signal is to come while it waits */
};
/* cdef end */

/* What the shim must know of a row of the table. */
enum arg_kind {
	ARG_PLAIN, ARG_FD, ARG_DIRFD, ARG_PATH, ARG_STR, ARG_IN, ARG_OUT, ARG_ARGV,
	ARG_ENVP, ARG_FDS, ARG_STREAM, ARG_NULLED, ARG_H_ERRNO, ARG_TEMPLATE, ARG_REST,
};

enum { FROM_NONE = -1, FROM_RET = -2, FROM_CONST = -3 };

struct arg {
	uint8_t kind;
	int8_t from;    /* ARG_PATH: index of its dirfd. ARG_IN, ARG_OUT: of its length */
	uint16_t size;  /* FROM_CONST: bytes */
};

/* failure.c says what each leaves behind. */
enum fails {
	FAILS_MINUS_ONE, FAILS_NULL, FAILS_ERRNO, FAILS_NEVER,
	FAILS_MINUS_ONE_OR_END, FAILS_NULL_OR_END,
	FAILS_RAW, FAILS_EAI, FAILS_CODE, FAILS_NULL_H_ERRNO, FAILS_MINUS_ONE_H_ERRNO,
};

enum moves {
	MOVES_NONE,
	MOVES_BYTES,        /* a number of bytes */
	MOVES_VECTOR,       /* a struct iovec *, the argument behind it says how many */
	MOVES_MESSAGE,      /* a struct msghdr * */
};

enum row_flag {
	ROW_EINTR = 1,      /* its man page lists EINTR */
	ROW_RESTARTS = 2,   /* ... and SA_RESTART restarts it, signal(7) */
	ROW_STAYS = 4,      /* may never return: a cancellation point, or sends a signal */
	ROW_NORETURN = 8,
	ROW_EXEC = 16,
	ROW_FORK = 32,
	ROW_CLOSES = 64,    /* close(2): releases the descriptor whatever it reports */
	ROW_JUMP = 128,     /* left by a jump: never a frame of ours under it (jump.c) */
	ROW_STDIN = 256,    /* works on a stream it does not name */
	ROW_STDOUT = 512,
	ROW_STDERR = 1024,
	ROW_COMPOSITE = 2048, /* libc's own: that it succeeded doesn't mean it read all */
	ROW_PASSED = 4096,  /* syscall(2) is left alone with it: only the catch-all sees it */
};

struct row {
	uint8_t nargs, fails;
	uint16_t flags;
	int16_t code;       /* FAILS_CODE: what an errno becomes */
	uint8_t moves;      /* enum moves: the bytes it moves, where a rule may lower them ... */
	uint8_t moved;      /* ... are told by this argument */
	struct arg args[MAX_ARGS];
};

extern const struct row rows[];
/* 1 + the number of the one syscall it is made of; 0 where there are several or none. */
extern const uint16_t made_by[];

/* The kernel's number of the syscall that it is a thin wrapper of; -1: of several, or none. */
static inline long call_number(const struct call *call)
{
	return made_by[call->id] - 1L;
}

/* The first path from argument `from` on; as many as there are arguments: none. */
static inline uint32_t path_argument(const struct call *call, uint32_t from)
{
	const struct row *row = &rows[call->id];

	while (from < row->nargs && row->args[from].kind != ARG_PATH)
		from++;
	return from;
}

/* Of a call that syscall(2) may mean: the kernel's number. */
extern const uint16_t syscall_of[];
/* By that number: 1 + the call with the very same arguments. 0: no row has them. */
enum { NUMBERS = 512 };
extern const uint16_t by_number[NUMBERS];

static inline uint16_t call_of_number(uint64_t nr)
{
	return nr < NUMBERS ? by_number[nr] : 0;
}

/* Makes the real call: reads args, writes ret. Generated, one for each row. */
typedef void call_real(struct call *call);

/* The frame of a wrapper with more parameters than a call has room for: they are passed
 * on, and seen by nobody. */
struct longer_call {
	struct call call;
	int64_t more[3];
};

/* Of a variadic one that goes on to its v-form: printf(3), vprintf(3). */
struct listed_call {
	struct call call;
	va_list list;
};

/* dispatch.c: returns what the program gets; errno is set only when it failed. */
long call_run(struct call *call, call_real *real);

static inline void call_begin(struct call *call, uint16_t id, const void *site)
{
	call->id = id;
	call->flags = 0;
	call->rule = -1;
	call->err = 0;
	call->left = 0;
	call->hooks = 0;
	call->ret = 0;
	call->site = (uint64_t)site;
	call->via = 0;
}

#endif
