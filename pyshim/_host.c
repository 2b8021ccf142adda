/*
 * The host's side of the arena, for what Python is too slow for: moving committed
 * records from the chunks to the trace file, and giving dead threads' chunks back.
 * Compiled into pyshim._host by setup.py; called with the GIL released.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Making a chunk takes half a millisecond, and the others must be drained. */
enum { MADE_AT_ONCE = 2 };

/* CLOCK_SKEW: ticks by which two processors may see a store and a clock in different
 * order. PATIENCE: rounds after which a record is not waited for to keep the order. */
enum { CLOCK_SKEW = 20000, PATIENCE = 400 };

struct session {
	struct arena *arena;
	int arena_fd, trace_fd;
	uint32_t spare;              /* chunks to keep ready and unused */
	volatile int stop;
	int tsc;                     /* ticks are rdtsc */
	volatile uint64_t horizon;   /* ticks: all that ended before is in the trace */
	uint64_t torn;               /* records that were begun and never committed */
	uint64_t lost;               /* bytes that could not be written to the trace */
};

static uint64_t host_ticks(int tsc)
{
	struct timespec now;

	if (tsc)
		return __builtin_ia32_rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct head *head_at(struct arena *arena, uint32_t index)
{
	return (struct head *)((char *)arena + arena->heads_at) + index;
}

static struct record *record_at(struct arena *arena, uint32_t index, uint64_t position)
{
	char *ring = (char *)arena + arena->chunks_at + (size_t)index * arena->chunk_size;

	return (struct record *)(ring + (position & (arena->chunk_size - 1)));
}

static void put(struct session *session, const void *from, size_t size)
{
	const char *at = from;

	while (size) {
		ssize_t done = write(session->trace_fd, at, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			session->lost += size;
			return;
		}
		at += done;
		size -= (size_t)done;
	}
}

static bool sane(const struct record *record, uint64_t left)
{
	return record->size >= 16 && record->size % 16 == 0 && record->size <= left;
}

/* How many bytes from `at` on are committed records, without a pad, in one piece: they
 * are written together, for a write(2) a record could not keep up with a busy target. */
static uint64_t committed(const struct session *session, uint32_t index, uint64_t at,
			  uint64_t end)
{
	uint64_t from = at;

	while (at < end) {
		struct record *record = record_at(session->arena, index, at);

		/* Acquire pairs with the writer's release: the whole record is there. */
		if (__atomic_load_n(&record->commit, __ATOMIC_ACQUIRE) != at + 1
		    || !sane(record, end - at) || record->kind == RECORD_PAD)
			break;
		at += record->size;
		if (!(at & (session->arena->chunk_size - 1)))
			break;
	}
	return at - from;
}

/* The next committed record behind one that does not even know its size. */
static uint64_t behind_torn(const struct session *session, uint32_t index, uint64_t at,
			    uint64_t end)
{
	for (at += 16; at < end; at += 16) {
		struct record *record = record_at(session->arena, index, at);

		if (record->commit == at + 1 && sane(record, end - at))
			break;
	}
	return at;
}

/*
 * What stands at `at` is no committed record: bytes to step over, or 0 to wait. Wait
 * because its writer may just be interrupted; but if that thread is gone, or half the
 * ring has filled up behind it, a handler has jumped away from it.
 */
static uint64_t step_over(struct session *session, uint32_t index, uint64_t at,
			  uint64_t end, bool gone)
{
	struct record *record = record_at(session->arena, index, at);
	uint64_t commit = __atomic_load_n(&record->commit, __ATOMIC_ACQUIRE);

	if (commit == at + 1 && sane(record, end - at))
		return record->size;
	if (!gone && end - at <= session->arena->chunk_size / 2)
		return 0;
	session->torn++;
	return sane(record, end - at) && !commit ? record->size
		: behind_torn(session, index, at, end) - at;
}

/* Move what is committed; true when anything was. */
static bool drain(struct session *session, uint32_t index, bool gone)
{
	struct head *head = head_at(session->arena, index);
	uint64_t end = __atomic_load_n(&head->head, __ATOMIC_ACQUIRE);
	uint64_t at = head->tail, size;
	bool moved = false;

	/* Asked after `end`: who reserved up to there has given the chunk back since. */
	gone |= index && !__atomic_load_n(&head->owner, __ATOMIC_ACQUIRE);
	while (at < end) {
		size = committed(session, index, at, end);
		if (size)
			put(session, record_at(session->arena, index, at), size);
		else
			size = step_over(session, index, at, end, gone);
		if (!size)
			break;
		at += size;
		moved = true;
		/* Release pairs with the writer's acquire: we are done with this memory. */
		__atomic_store_n(&head->tail, at, __ATOMIC_RELEASE);
	}
	return moved;
}

static bool thread_gone(uint32_t pid, uint32_t tid)
{
	return syscall(SYS_tgkill, pid, tid, 0) < 0 && errno == ESRCH;
}

/* The thread died inside a call that never returned. */
static void put_unfinished(struct session *session, const struct head *head, uint32_t pid,
			   uint32_t tid)
{
	struct {
		struct record record;
		int64_t args[6];
		int64_t pad;
	} all;

	memset(&all, 0, sizeof(all));
	all.record.size = sizeof(all);
	all.record.kind = RECORD_UNFINISHED;
	all.record.call = (uint16_t)head->mark.call;
	all.record.pid = pid;
	all.record.tid = tid;
	all.record.entered = head->mark.entered;
	all.record.left = host_ticks(session->tsc);
	all.record.rule = -1;
	all.record.nargs = 6;
	memcpy(all.args, head->mark.args, sizeof(all.args));
	put(session, &all, sizeof(all));
}

static void reap(struct session *session, uint32_t index)
{
	struct head *head = head_at(session->arena, index);
	uint64_t owner = __atomic_load_n(&head->owner, __ATOMIC_ACQUIRE);
	uint32_t pid = (uint32_t)(owner >> 32), tid = (uint32_t)owner;

	/* Still the owner: a thread that ends gives its chunk to another at any time. */
	if (!pid || !thread_gone(pid, tid)
	    || __atomic_load_n(&head->owner, __ATOMIC_ACQUIRE) != owner)
		return;
	drain(session, index, true);
	if (head->mark.entered)
		put_unfinished(session, head, pid, tid);
	head->mark.entered = 0;
	/* Release: the next owner sees our `tail`. */
	__atomic_store_n(&head->owner, 0, __ATOMIC_RELEASE);
}

static void grow(struct session *session)
{
	struct arena *arena = session->arena;
	uint32_t unused = 0, made = 0, ready = arena->ready;

	for (uint32_t i = 1; i < ready; i++)
		unused += !__atomic_load_n(&head_at(arena, i)->owner, __ATOMIC_RELAXED);
	while (unused < session->spare && ready < arena->nchunks && made++ < MADE_AT_ONCE) {
		off_t at = (off_t)arena->chunks_at + (off_t)ready * arena->chunk_size;

		if (posix_fallocate(session->arena_fd, at, arena->chunk_size))
			return;
		/* Release: a writer that sees the number finds the memory. */
		__atomic_store_n(&arena->ready, ++ready, __ATOMIC_RELEASE);
		unused++;
	}
}

/* What a chunk says of a round that began at `now`: whatever ended before is in the
 * trace, unless a record is still being written. Not for ever, it may be torn. */
static uint64_t clean_since(struct session *session, uint32_t index, uint64_t now)
{
	struct head *head = head_at(session->arena, index);
	uint64_t end = __atomic_load_n(&head->head, __ATOMIC_ACQUIRE);

	drain(session, index, false);
	if (head->tail >= end)
		head->stuck = 0;
	else if (head->stuck < PATIENCE)
		return head->stuck++, head->clean;
	return head->clean = now;
}

/* One round over all chunks. */
static void host_drain(struct session *session)
{
	uint64_t now = host_ticks(session->tsc), horizon = now;
	uint32_t ready = session->arena->ready;

	for (uint32_t i = 0; i < ready; i++) {
		uint64_t clean = clean_since(session, i, now);

		horizon = clean < horizon ? clean : horizon;
	}
	session->horizon = horizon > CLOCK_SKEW ? horizon - CLOCK_SKEW : 0;
}

/* All writers of the shared chunk 0 that matter are gone. */
static void host_last(struct session *session)
{
	drain(session, 0, true);
}

static void host_reap(struct session *session)
{
	for (uint32_t i = 0; i < session->arena->ready; i++)
		reap(session, i);
}

static void host_grow(struct session *session)
{
	grow(session);
}

/* The drain thread: every half millisecond, until `stop`. All signals are blocked:
 * they belong to the main thread. */
static void host_loop(struct session *session)
{
	struct timespec nap = { 0, 500000 };
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (unsigned round = 0; !session->stop; round++) {
		host_drain(session);
		grow(session);
		if (round % 64 == 0)
			host_reap(session);
		nanosleep(&nap, NULL);
	}
}

static void *host_counters(struct proc *entry)
{
	return entry + 1;
}

/* 0, or an errno. */
static int host_signal(int pid, int tid, int signal)
{
	return syscall(SYS_tgkill, pid, tid, signal) ? errno : 0;
}

/* ---- Python hooks that run ---- */

struct running {
	int pid, tid;
	uint32_t call;
	uint64_t since;
};

static struct proc *proc_at(struct arena *arena, uint32_t index)
{
	return (struct proc *)((char *)arena + arena->procs_at
			       + (size_t)index * arena->proc_size);
}

/* Up to `most` of them; returns how many. Relaxed: who acts on one looks again. */
static int host_hooks(struct arena *arena, struct running *found, int most)
{
	int n = 0;

	for (uint32_t i = 0; i < arena->nprocs && n < most; i++) {
		struct proc *entry = proc_at(arena, i);
		uint64_t since = __atomic_load_n(&entry->hook_since, __ATOMIC_RELAXED);

		if (since && entry->state == PROC_RUNNING)
			found[n++] = (struct running){
				.pid = (int)entry->pid,
				.tid = (int)entry->hook_tid,
				.call = entry->hook_call,
				.since = since,
			};
	}
	return n;
}

static struct proc *entry_of(struct arena *arena, const struct running *hook)
{
	for (uint32_t i = 0; i < arena->nprocs; i++) {
		struct proc *entry = proc_at(arena, i);

		if (entry->pid == (uint32_t)hook->pid && entry->hook_since == hook->since
		    && entry->hook_tid == (uint32_t)hook->tid)
			return entry;
	}
	return NULL;
}

/* False: it does not stop, as one that waits for a disk; or it has ended. */
static bool stopped(int tid)
{
	const struct timespec moment = { 0, 1000000 };

	for (int tries = 0; tries < 500; tries++) {
		int status;
		pid_t changed = waitpid(tid, &status, __WALL | WNOHANG);

		if (changed == tid)
			return WIFSTOPPED(status);
		if (changed < 0)
			return false;
		nanosleep(&moment, NULL);
	}
	return false;
}

/* To where shim/hook_limit.c gives the hook up, on the hook's stack, as if called there; a
 * syscall it may be in is not made again. */
static int send_to(int tid, uint64_t where)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, tid, 0, &r))
		return -errno;
	r.rip = where;
	r.rsp = ((r.rsp - 256) & ~15ull) - 8;
	r.orig_rax = (unsigned long long)-1;
	r.eflags &= ~0x400ull;
	return ptrace(PTRACE_SETREGS, tid, 0, &r) ? -errno : 0;
}

/* 0, or -errno: EPERM where we may not, or a debugger has it already. Takes half a second
 * at most. For the thread that waits for the target (wait(2) tells tracees to all threads). */
static int host_give_up(struct arena *arena, struct running *hook)
{
	struct proc *entry;
	int ret = -ESRCH;

	if (ptrace(PTRACE_SEIZE, hook->tid, 0, 0))
		return -errno;
	if (!ptrace(PTRACE_INTERRUPT, hook->tid, 0, 0) && stopped(hook->tid)) {
		entry = entry_of(arena, hook);
		ret = entry ? send_to(hook->tid, entry->hook_leave) : 0;
	}
	ptrace(PTRACE_DETACH, hook->tid, 0, 0);
	return ret;
}

/* ---- what plugins share: shim/shared.h ---- */

/* Where names and values are before the target starts and after its end. */
static struct shared private_shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

__attribute__((constructor)) static void share_nothing(void)
{
	shared = &private_shared;
}

static size_t host_shared_size(void)
{
	return sizeof(struct shared);
}

static int make_robust(pthread_mutex_t *lock)
{
	pthread_mutexattr_t robust;
	int error = pthread_mutexattr_init(&robust);

	if (!error)
		error = pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	return error ? error : pthread_mutex_init(lock, &robust);
}

static void copy_value(int place, struct shared_slot *to)
{
	struct shared_copy copy;

	shared_get(place, &copy);
	shared_copy_in(&to->values[copy.turn & 1], copy.bytes, copy.size);
	to->number = copy.turn;
}

/* Each name keeps its place: Python's objects know it by that. Nobody else looks at `to`;
 * what is copied may be used on by processes that outlive the command. */
static void copy_slots(struct shared *to)
{
	for (int i = 0; i < SHARED_NAMES; i++) {
		const struct shared_slot *slot = &shared->slots[i];
		/* Acquire pairs with the release in shared_take(): the name is whole. */
		uint32_t kind = __atomic_load_n(&slot->kind, __ATOMIC_ACQUIRE);

		if (kind == SHARED_FREE)
			return;
		memcpy(to->slots[i].name, slot->name, sizeof(slot->name));
		to->slots[i].kind = kind;
		if (kind == SHARED_VALUE)
			copy_value(i, &to->slots[i]);
		else
			to->slots[i].number = (uint64_t)shared_number(i);
	}
}

/* Before the target starts: the arena's region has what was set until now. 0 or an errno:
 * the kernel may know no robust mutexes. */
static int host_share(struct arena *arena)
{
	if (!arena->shared_at)
		return 0;
	struct shared *region = (struct shared *)((char *)arena + arena->shared_at);
	int error = make_robust(&region->lock);

	if (error)
		return error;
	copy_slots(region);
	shared = region;
	return 0;
}

/* Before the arena goes: what it had last is still there to be read. */
static void host_unshare(void)
{
	if (shared == &private_shared)
		return;
	copy_slots(&private_shared);
	shared = &private_shared;
}
