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
#include <sys/syscall.h>
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
	all.record.flags = head->interrupt ? 0 : CALL_INTERRUPT;
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

/* Takes what a thread asks for (enum ask); false: it was first, and has come back. */
static bool host_take(struct arena *arena, struct head *head, uint16_t asked)
{
	uint16_t seen = asked;

	/* Relaxed: who has it sends it. */
	if (!__atomic_compare_exchange_n(&head->interrupt, &seen, 0, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return false;
	if (asked & ASK_HIT)
		__atomic_fetch_add(&arena->hits[asked >> ASK_RULE], 1, __ATOMIC_RELAXED);
	return true;
}

/* 0, or an errno. */
static int host_signal(int pid, int tid, int signal)
{
	return syscall(SYS_tgkill, pid, tid, signal) ? errno : 0;
}
