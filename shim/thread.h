/*
 * Who and where we are: this process, this thread, and what we may do there.
 *
 * Both can change without a word to us: fork in any of its forms, vfork (another
 * process on this thread's memory), threads made by clone(2). `process` lies in memory
 * that the kernel wipes in every fork child (madvise(2), MADV_WIPEONFORK), and each
 * thread carries the serial of the process it was made in, so both notice by two loads.
 */
#ifndef PYSHIM_THREAD_H
#define PYSHIM_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "wire.h"

struct thread {
	uint32_t vforked;    /* vfork was called: we may be its child */
	uint32_t serial;     /* of the process this was filled in */
	int32_t tid;
	uint8_t asking;      /* inside a Python hook */
	uint8_t dispatch;    /* read by the kernel at each syscall: PASS_ALL, DISPATCH_ALL */
	struct head *head;   /* our chunk, NULL: none */
	uint32_t chunkless;  /* events since we last looked for a free chunk */
	uint32_t ending;     /* its chunk was given back: what still comes is for the shared one */
	uint32_t armed;      /* by catchall.c; in a vfork child it is our parent's word, too */
	uint16_t own;        /* 1 + the syscall that the wrapper we are in is to make */
	uint16_t within;     /* 1 + the call we are in the real function of */
	uint64_t frame;      /* of that wrapper: who is above it on the stack has left it */
};

/* Syscall User Dispatch's selector, prctl(2): SYSCALL_DISPATCH_FILTER_ALLOW and _BLOCK. */
enum { PASS_ALL, DISPATCH_ALL };

struct process {
	uint32_t serial;     /* 0: wiped, we are a fork's child */
	int32_t pid;
	bool foreign;        /* in another pid namespace than the host */
	uint32_t *counters;  /* of the rules, in the arena */
	struct proc *entry;  /* NULL: no room in the arena, counters are private */
	uint32_t lock;       /* bridge.c: 0 free, 1 held, 2 held and waited for */
};

extern _Thread_local struct thread thread
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
extern struct process *process;
extern const struct plan *plan;  /* NULL: the shim does nothing */
extern struct arena *arena;
extern bool quiet;               /* the program entered seccomp: no syscalls of ours */

/* Around what Python does in this thread. Its own syscalls pass: a SIGSYS would put its
 * frame onto an alternate stack that the program's handler below us is still using. */
static inline void asking_begin(void)
{
	thread.asking = 1;
	thread.dispatch = PASS_ALL;
}

static inline void asking_end(void)
{
	thread.dispatch = DISPATCH_ALL;
	thread.asking = 0;
}

/* Maps what start.c found. Constructor only; false: no memory. `envp` is where the kernel
 * put it: on the stack of the first thread, at its beginning. */
bool process_init(char **envp);

/* Fills `thread` and `process` if they are not those of this thread and process. Some
 * syscalls, once a thread; false when quiet forbids even those, or for want of memory. */
bool thread_renew(void);

static inline bool thread_ready(void)
{
	if (__builtin_expect(thread.serial == process->serial && thread.serial
			     && !thread.vforked, 1))
		return true;
	return thread_renew();
}

/* The pid to write into events: in a vfork child its own. */
int32_t process_pid(void);
bool in_vfork_child(void);

/* What rules count in: of a vfork child its own. */
uint32_t *vfork_counters(void);

static inline uint32_t *counters_now(void)
{
	return __builtin_expect(thread.vforked, 0) ? vfork_counters() : process->counters;
}

/* Called by vfork's stub before it goes on to vfork (lazy.S). */
void vfork_mark(void);

/* Counts that we stepped aside, and why. */
static inline void skipped(enum skip_reason why)
{
	__atomic_fetch_add(&arena->skipped[why], 1, __ATOMIC_RELAXED);
}

/* Before exec, and after one that failed: the counters outlive the exec. */
void process_execing(bool now);

/* Memory that the program handed to us may be unreadable: the call would then fail
 * with EFAULT, and we must not crash instead. One syscall a page, but for what is in use of
 * the first thread's stack. */
bool readable(const void *at, size_t size);

/* Bytes of a string up to `most`, or -1 when it can't be read to its end. */
long readable_string(const char *text, size_t most);

#endif
