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

struct session {
	struct arena *arena;
	int arena_fd, trace_fd;
	uint32_t spare;              /* chunks to keep ready and unused */
	volatile int stop;
	uint64_t torn;               /* records that were begun and never committed */
	uint64_t lost;               /* bytes that could not be written to the trace */
};

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

/*
 * Move what is committed. A record that is not, blocks those behind it, for its writer
 * may just be interrupted. But if that thread is gone, or half the ring has filled up
 * behind it, a handler has jumped away from it: step over.
 */
static bool drain(struct session *session, uint32_t index, bool gone)
{
	struct arena *arena = session->arena;
	struct head *head = head_at(arena, index);
	uint64_t end = __atomic_load_n(&head->head, __ATOMIC_ACQUIRE), at = head->tail;
	bool moved = false;

	while (at < end) {
		struct record *record = record_at(arena, index, at);
		/* Acquire pairs with the writer's release: the whole record is there. */
		uint64_t commit = __atomic_load_n(&record->commit, __ATOMIC_ACQUIRE);

		if (commit == at + 1 && sane(record, end - at)) {
			if (record->kind != RECORD_PAD)
				put(session, record, record->size);
			at += record->size;
			moved = true;
		} else if (gone || end - at > arena->chunk_size / 2) {
			at = sane(record, end - at) && !commit ? at + record->size : end;
			session->torn++;
		} else {
			break;
		}
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
	all.record.call = (uint16_t)head->in_call;
	all.record.pid = pid;
	all.record.tid = tid;
	all.record.entered = all.record.left = head->entered;
	all.record.rule = -1;
	all.record.nargs = 6;
	memcpy(all.args, head->in_args, sizeof(all.args));
	put(session, &all, sizeof(all));
}

static void reap(struct session *session, uint32_t index)
{
	struct head *head = head_at(session->arena, index);
	uint64_t owner = __atomic_load_n(&head->owner, __ATOMIC_ACQUIRE);
	uint32_t pid = (uint32_t)(owner >> 32), tid = (uint32_t)owner;

	if (!pid || !thread_gone(pid, tid))
		return;
	drain(session, index, true);
	if (head->entered)
		put_unfinished(session, head, pid, tid);
	head->entered = 0;
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

static uint64_t host_ticks(int tsc)
{
	struct timespec now;

	if (tsc)
		return __builtin_ia32_rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One round over all chunks; true when anything moved. */
static int host_drain(struct session *session)
{
	bool moved = false;

	for (uint32_t i = 0; i < session->arena->ready; i++)
		moved |= drain(session, i, false);
	return moved;
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
