/*
 * Memory shared with the host: the plan (read-only here) and the arena (written by
 * both). The host reads these declarations through cffi, so no layout is typed twice.
 *
 * Change anything: bump WIRE_VERSION. The shim refuses a plan of another version or
 * of another table (start.c), which the host turns into exit status 125.
 *
 * Everything that both sides touch is accessed with __atomic builtins; the order is
 * named at each use. All offsets are bytes from the start of the mapping.
 */
#ifndef PYSHIM_WIRE_H
#define PYSHIM_WIRE_H

#include <stdint.h>

/* cdef begin */
#define WIRE_MAGIC 0x6d696873
#define WIRE_VERSION 13
#define MAX_RULES 256
#define MAX_SKIPS 32
#define MAX_HOOKS 32

/* ---- the plan: made by plan.py, one file a run ---- */

enum plan_flag {
	PLAN_TSC = 1,        /* clock ticks are rdtsc, else CLOCK_MONOTONIC in ns */
	PLAN_FAIRNESS = 2,   /* some rule asks whether an EINTR is fair */
	PLAN_TRACE = 4,      /* events are wanted */
	PLAN_UNHEARD = 8,    /* no plugin listens: only what the report needs is told */
	PLAN_FULL = 16,      /* arm the catch-all */
	PLAN_STRICT = 32,    /* the first error of a Python hook ends the run */
	PLAN_HOST = 64,      /* Python hooks run in the host, remote.h ... */
	PLAN_INSIDE = 128,   /* ... or in the target, or not at all; neither: where they can */
	PLAN_BUDGET = 256,   /* some rule has a budget: count what is allocated, alloc.c */
};

enum want_flag {
	WANT_WRAP = 1,       /* the slot points to the wrapper */
	WANT_LOG = 2,        /* each call is an event */
	WANT_MAP = 4,        /* its paths may be rewritten */
	WANT_NOTICE = 8,     /* it changes handlers or seccomp: dispatch.c, notice() */
};

struct plan_row {
	uint16_t want;       /* enum want_flag */
	uint16_t nrefs;      /* rules that name this call ... */
	uint32_t first_ref;  /* ... in the order given */
};

/* A rule for one call, with all that is looked at while it does not fire: half a cache
 * line, where its struct plan_rule has two. */
struct plan_ref {
	uint32_t rule;
	uint32_t action;     /* of that rule */
	uint32_t counter;    /* index into the process's counters */
	uint32_t tests;      /* offset of `ntests` struct plan_test: all must hold */
	uint32_t ntests;
	uint32_t first, last, step;        /* when=, counted from 1, last included */
};

/* A condition, cheap ones first. conditions.c */
enum test_kind {
	TEST_FD,             /* the first descriptor is `low` */
	TEST_IF,             /* the `count` steps at `at` leave no 0 */
	TEST_MOVES,          /* more than `low` bytes, by the call's own length */
	TEST_BUDGET,         /* it would make more than `low` bytes allocated */
	TEST_CALLER,         /* made from one of the `count` struct plan_place at `at` */
	TEST_PROCESS,        /* the program's file, by the glob at `at` */
	TEST_SINCE,          /* a path of mark number `low` was opened */
	TEST_DURING,         /* `low` to `high` ns after the run began */
	TEST_THREAD,         /* the thread's name, prctl(2) PR_GET_NAME, by the glob at `at` */
	TEST_FD_KIND,        /* the first descriptor is a `low` (enum fd_kind) */
	TEST_PORT,           /* of its socket, or of the address given: `low` */
	TEST_PATH,           /* a path of the call, or that of a descriptor, by one of the `count`
	                      * globs at `at` */
	TEST_FDS,            /* it would give out descriptor `low` or a higher one */
	TEST_QUOTA,          /* it takes or frees space of files named by the glob at `at` */
	TEST_UNSYNCED,       /* its file has bytes that were written and not synced */
};

enum fd_kind { FD_FILE, FD_DIR, FD_PIPE, FD_SOCKET, FD_TTY, FD_DEVICE };

struct plan_test {
	uint32_t kind;       /* enum test_kind */
	uint32_t at, count;
	uint32_t pad;
	int64_t low, high;
};

/* One step of an `if=`: onto a stack, or of what is on it. */
enum step_kind {
	STEP_NUMBER, STEP_ARG,  /* push `value`; push that argument */
	STEP_NOT, STEP_INVERT, STEP_NEGATE,
	STEP_OR, STEP_AND, STEP_BIT_OR, STEP_BIT_AND, STEP_XOR, STEP_ADD, STEP_SUBTRACT,
	STEP_MULTIPLY, STEP_LEFT, STEP_RIGHT, STEP_REMAINDER,
	STEP_EQUAL, STEP_UNEQUAL, STEP_LESS, STEP_AT_MOST,
};

enum { MOST_STEPS = 64 };   /* so deep the stack can be, at most */

struct plan_step {
	uint32_t kind;       /* enum step_kind */
	uint32_t bits;       /* STEP_ARG: as many, signed; negative: unsigned */
	int64_t value;
};

struct plan_place {
	uint32_t module;     /* offset of the end of a file's path, 0: any */
	uint32_t pad;
	uint64_t low, high;  /* from its base, high not included */
};

enum rule_action {
	ACT_ERRNO = 1 << 0,
	ACT_RETURN = 1 << 1,
	ACT_SHORT = 1 << 2,       /* move `value` bytes, or -value percent of them */
	ACT_AFTER = 1 << 3,       /* with ACT_ERRNO: make the call first */
	AFTER_CLOSE = 1 << 4,     /* the same, but only of what closes a descriptor */
	ACT_SIGNAL = 1 << 5,
	ACT_INTERRUPT = 1 << 6,   /* a signal while the call waits */
	ACT_DELAY_ENTER = 1 << 7,
	ACT_DELAY_EXIT = 1 << 8,
	ACT_POKE_ENTER = 1 << 9,  /* write into memory, before the call ... */
	ACT_POKE_EXIT = 1 << 10,  /* ... or behind it */
	ACT_FDS = 1 << 11,        /* as if RLIMIT_NOFILE were `fds`: TEST_FDS has found it reached */
	ACT_QUOTA = 1 << 12,      /* the files at `glob` take no more than `quota` pages */
	ACT_KEEP = 1 << 13,       /* what it overwrites is kept until it is synced */
	ACT_LOSE = 1 << 14,       /* with ACT_ERRNO: what is kept is written back */
	ACT_MARK = 1 << 15,       /* it opens a path of since= */
	ACT_ASK = 1 << 16,        /* ask Python hook number `value`; never ends the search */
	ONCE_PER_SITE = 1 << 17,  /* conditions from here on */
	ONLY_FAIR = 1 << 18,
	NOT_CAUGHT = 1 << 19,     /* not what comes through no symbol: libc's own, inline ones */
};

struct plan_rule {
	uint32_t action;     /* enum rule_action */
	uint32_t chance;     /* of 2^32, 0xffffffff: always */
	uint32_t times;      /* hits a process, 0: any number ... */
	uint32_t times_counter;            /* ... counted there */
	int32_t err;
	uint32_t signal;
	uint64_t seed;
	int64_t value;       /* ACT_RETURN: what; ACT_ASK: which hook; ACT_SHORT */
	uint64_t delay_enter, delay_exit;  /* ns */
	uint64_t marks;      /* ACT_MARK: arena->marks that a call sets which succeeds */
	uint32_t interrupt, interrupt_after;  /* a signal, us */
	uint32_t poke_enter, poke_exit;    /* ... by the struct plan_poke at that offset */
	int64_t fds;         /* ACT_FDS */
	int64_t quota;       /* ACT_QUOTA: pages of 4 KiB */
	uint32_t glob;       /* offset of it */
	uint32_t index;      /* its own, for hits that only the call itself shows ... */
	uint32_t interrupt_index;          /* ... or an interrupt */
	uint32_t pad;
};

/* Bytes for where an argument of a call points to. The last of a rule has no size. */
struct plan_poke {
	uint16_t call;
	uint16_t arg;        /* index */
	uint32_t size;
	uint32_t at;         /* of the bytes, from the first struct */
};

struct plan_map {
	uint32_t from, from_len;           /* offset and bytes, no slash at the end */
	uint32_t to, to_len;
};

struct plan {
	uint32_t magic, version;
	uint64_t digest;     /* of the table */
	uint64_t size;       /* bytes of the whole file */
	uint32_t flags;      /* enum plan_flag */
	uint32_t strsize;    /* bytes of a buffer to keep in an event */
	uint32_t nrules, nmaps, ncounters, nhooks;
	uint32_t rows_at, refs_at, rules_at, maps_at;
	uint32_t preload;    /* offset of the shim's own path, for preload.c */
	uint32_t rundir;     /* offset of the run's folder */
	uint32_t bridge;     /* offset of the bridge's path, 0: no Python hooks */
	uint32_t bridge_plan;/* offset of what the bridge wants to know, see pyshim/inside */
	uint64_t started;    /* CLOCK_MONOTONIC, ns: when the run began */
	uint64_t pid_ns;     /* inode of the host's /proc/self/ns/pid */
	uint32_t enter_hooks, exit_hooks;  /* which bits of call.hooks are which */
	uint32_t moment_hooks[4];          /* by enum moment_kind: which hooks are told */
};

/* What process hooks are told of. */
enum moment_kind { MOMENT_START, MOMENT_FORK, MOMENT_EXEC, MOMENT_EXIT, MOMENTS };

/* ---- the arena: one file a run ---- */

enum skip_reason {
	SKIP_HOOK_REENTERED, /* a call inside a hook, or in a handler that interrupted it */
	SKIP_HOOK_STARTING,  /* another thread was just starting Python */
	SKIP_HOOK_VFORK,     /* in a vfork child: its parent's Python must not run */
	SKIP_HOOK_FORKED,    /* after a fork that bypassed fork(3) */
	SKIP_HOOK_BROKEN,    /* Python could not be started */
	SKIP_SECCOMP,        /* the program entered seccomp: no syscall of ours */
	SKIP_SIGHT,          /* memory could not be read, so a path was not matched */
	SKIP_SITES,          /* more call sites than the table of sites holds */
	SKIP_EXEC,           /* an environment too large to be copied */
	SKIP_UNARMED,        /* the kernel has no Syscall User Dispatch, or refused it */
	SKIP_HOOK_MEMORY,    /* libc's own call for memory or a lock, perhaps holding one */
	SKIP_CHILD,          /* a thread or process that could not be armed: by symbols only */
	SKIP_NATIVE,         /* a thread gave away its stack or its registers for threads, or
	                        used int $0x80: by symbols only from there */
	SKIP_MEMORY,         /* the program's limit leaves no room for the arena or counters */
	SKIP_HOOK_BUSY,      /* libc's own call, perhaps holding what the hook before waits for */
	SKIP_HOOK_HUNG,      /* one took too long: no hook is asked in that process any more */
	SKIP_HOOK_STACKS,    /* too many hooks were left by a jump out of call.real() */
	SKIP_HOOK_GONE,      /* hooks run in the host, and who ran them has ended */
	SKIP_INTERRUPT,      /* no chunk of its own in which to ask for a signal */
	SKIP_POKE,           /* memory that could not be written */
	SKIP_ALLOC_OWN,      /* the program's own file defines malloc(3), or its kin */
	SKIP_ALLOC_CHECKED,  /* a sanitizer does, and keeps it to itself */
	SKIP_ALLOC_VALGRIND, /* which may put its own in the place of ours */
	SKIP_QUOTA,          /* more files under a quota= than the table of them holds */
	SKIP_UNSYNCED,       /* a write whose file could not be kept as it was before */
	SKIP_ALLOC_SIZES,    /* an allocator that does not tell how large its blocks are */
};

enum hook_error {
	HOOK_RAISED,         /* exceptions of this hook, and verdicts that are none ... */
	HOOK_RAISED_IN,      /* ... in so many processes */
	HOOK_UNLOADED_IN,    /* processes in which its plugin could not be imported */
	HOOK_ERRORS
};

struct arena {
	uint32_t magic, version;
	uint64_t size;
	uint32_t nprocs, proc_size, procs_at;
	uint32_t nchunks, chunk_size, heads_at, chunks_at;
	uint32_t shared_at;  /* struct shared, shared.h; 0: no Python hooks */
	uint32_t ready;      /* chunks that have memory behind them; the host adds */
	uint32_t serial;     /* last serial given to a process */
	uint32_t patched;    /* processes whose libc jumps to us, patch.c ... */
	uint64_t patched_sites;  /* ... from so many places, all together */
	/* Python in the targets: hooks asked, starts, and the ticks that both took. */
	uint64_t hooks, hook_ticks, starts, start_ticks;
	uint64_t skipped[MAX_SKIPS];
	uint64_t hits[MAX_RULES];
	uint32_t off[MAX_RULES];   /* rules that are switched off; the host writes */
	uint64_t marks;      /* since=: paths that were opened, a bit each */
	uint64_t errors[MAX_HOOKS][HOOK_ERRORS];
	uint32_t files_at;   /* struct quota_file[QUOTA_FILES], 0: no rule has a quota */
	uint32_t undo_at;    /* struct undo_log, 0: no rule loses anything */
	int64_t used[MAX_RULES];   /* by rule: pages, less than 0 where old files went */
};

enum { QUOTA_FILES = 16384 };

/* What a file under a quota= takes. */
struct quota_file {
	uint64_t key;        /* quota_key(), 0: free */
	int64_t pages;       /* 1 + as last seen, 0: not yet */
	int32_t keeper;      /* a process that has it open, where it has no name any more */
	uint32_t rule;
	uint32_t gone;       /* the entry may go to another file */
	uint32_t pad;
};

enum { UNDO_ENTRIES = 1 << 17, UNDO_PIECES = 1 << 20, UNDO_PIECE = 16 };

/* What a write has put something else in place of, and how long the file was then. */
struct undo {
	uint64_t key;
	int64_t offset, size;
	uint32_t kept;       /* bytes ... */
	uint32_t piece;      /* ... from there on in the log */
	uint32_t live;       /* it can be undone: neither synced nor undone yet */
	uint32_t pad;
};

struct undo_log {
	uint64_t state;      /* unsynced.c: how many live, entries, pieces */
	uint64_t pad;
	struct undo entries[UNDO_ENTRIES];
	char data[UNDO_PIECES * UNDO_PIECE];
};

/* FOREIGN: in another pid namespace, where the host can't tell whether it lives. */
enum proc_state { PROC_FREE, PROC_RUNNING, PROC_EXECING, PROC_FOREIGN };

struct proc {
	uint32_t pid;        /* 0: free. Taken by compare and swap */
	uint32_t state;
	uint32_t serial;
	/* The Python hook that runs: the host looks how long, hook_limit.h. */
	uint32_t hook_tid;
	uint64_t hook_since; /* ticks, 0: none runs */
	uint64_t hook_leave; /* where its thread is to go on if it takes too long */
	uint32_t hook_call;
	uint32_t pad;
	/* uint32_t counters[ncounters] follow */
};

/* The call a thread is in, should it end there. */
struct mark {
	uint64_t entered;    /* 0: in none */
	uint64_t frame;      /* where on its stack the struct call is */
	int64_t args[6];
	uint32_t call;
	uint32_t syscall;    /* 1 + the one that it is made of; 0: several, or none */
};

/* A ring of records with one writer (the owning thread; of chunk 0, every thread that
 * found none free) and one reader (the host). */
struct head {
	uint64_t owner;      /* pid << 32 | tid, 0: free. Taken by compare and swap */
	uint64_t head;       /* bytes ever reserved, moved by the owner */
	uint64_t tail;       /* bytes ever taken, moved by the host */
	uint64_t dropped;    /* events that did not fit */
	struct mark mark;
	/* the host's own: */
	uint64_t clean;      /* ticks: all that was reserved before is in the trace */
	uint16_t stuck;      /* rounds that had to wait for a record */
	/* A signal that the thread is to get while it waits in the marked call, 0: none; see
	 * enum ask. Whoever swaps it for 0 has it: the host, which then sends it
	 * (pyshim/interrupts.py), or the thread that has come back. */
	uint16_t interrupt;
	uint32_t interrupt_after; /* us of waiting */
	uint64_t interrupt_from;  /* ticks: when it was asked for */
};

/* What else is in `interrupt`. */
enum ask {
	ASK_SIGNAL = 0x7f,
	ASK_HIT = 0x80,      /* it makes a hit of its rule: who sends it counts that ... */
	ASK_RULE = 8,        /* ... from this bit on */
};

enum record_kind {
	RECORD_PAD,          /* skip: the rest of the ring was too short */
	RECORD_CALL,
	RECORD_START,        /* ret: parent's pid; memory 0: the executable, 1: of a fork's child */
	RECORD_EXIT,         /* ret: status */
	RECORD_BYPASS,       /* memory 0: the file, memory 1: why */
	RECORD_EXEC,         /* about to exec; a RECORD_CALL of the same `entered` says it failed */
	RECORD_UNFINISHED,   /* a mark that was left behind; CALL_INTERRUPT: its ask was taken */
	RECORD_DEADLY,       /* about to make a call that it may die in; when it has come back, or
	                      * the mark was found, another of the same `entered` follows */
};

struct record {
	uint64_t commit;     /* position + 1, stored last with release order */
	uint32_t size;       /* bytes with this header, a multiple of 16 */
	uint16_t kind;       /* enum record_kind */
	uint16_t call;
	uint32_t pid, tid;
	uint64_t entered, left;
	int64_t ret;
	int32_t err;
	int16_t rule;
	uint16_t flags;      /* enum call_flag */
	uint64_t site;
	uint8_t nargs, nmemory;
	uint16_t via;        /* 1 + the call in which libc made this one, 0: nobody knows */
	uint32_t count;      /* of the rule: the number it gave this call */
	/* int64_t args[nargs], then nmemory times struct memory with its bytes */
};

enum { MEMORY_MODULE = 255 };  /* the module of the call site: its base, then its name */

struct memory {
	uint32_t arg;        /* index of the argument, or MEMORY_MODULE */
	uint32_t kept;       /* bytes that follow, padded to 8 */
	uint64_t size;       /* bytes there were */
};
/* cdef end */

_Static_assert(sizeof(((struct plan *)0)->moment_hooks) == MOMENTS * 4, "one for each");
_Static_assert(MAX_RULES <= 1 << (16 - ASK_RULE), "a rule in an ask");
_Static_assert(sizeof(struct head) == 128, "one head, two cache lines");
_Static_assert(sizeof(struct record) == 72, "record header");
_Static_assert(sizeof(struct plan_rule) == 112, "rule");
_Static_assert(sizeof(struct plan_ref) == 32, "ref");
_Static_assert(sizeof(struct plan_test) == 32, "test");
_Static_assert(sizeof(struct proc) == 40, "proc");

#endif
