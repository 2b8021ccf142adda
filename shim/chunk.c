/* The writer's side of the chunks. Rules in chunk.h; the reader is pyshim/_host.c. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include "chunk.h"
#include "inner.h"
#include "plan.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum { SHARED_CHUNK = 0, LOOK_EVERY = 64, MOST_CHUNKS = 256, PAGE = 4096 };

/* Where this process has each chunk, NULL: nowhere yet. The first is mapped with the
 * arena; the others as they are taken, for all of them would count as a quarter of a GiB
 * against a limit of the program's (RLIMIT_AS). A fork copies this with the mappings. */
static char *rings[MOST_CHUNKS];
static bool no_room;  /* one could not be mapped: the threads without share the first */

/* There is no fd any more: mremap(2) of nothing of a shared mapping maps the file once
 * more, from there on and as far as is asked for. What is not wanted of it goes again. */
static bool ring_map(uint32_t index)
{
	size_t size = arena->chunk_size, before = (index - 1) * size + PAGE;

	if (rings[index] || quiet || no_room)
		return rings[index];
	long at = sys4(__NR_mremap, rings[0] + size - PAGE, 0, before + size, MREMAP_MAYMOVE);

	no_room = at < 0 && at > -4096;
	if (no_room)
		return false;
	sys2(__NR_munmap, at, before);
	rings[index] = (char *)at + before;
	return true;
}

/* ---- owning ---- */

static struct head *head_at(uint32_t index)
{
	return (struct head *)((char *)arena + arena->heads_at) + index;
}

static bool chunk_take(uint32_t index)
{
	struct head *head = head_at(index);
	uint64_t nobody = 0, us = (uint32_t)thread.tid;

	/* Without a pid the host can't ask whether we live, and leaves the chunk alone. */
	if (!process->foreign)
		us |= (uint64_t)process->pid << 32;
	/* Acquire pairs with the release of the owner before us: its `head` is ours now. */
	if (__atomic_load_n(&head->owner, __ATOMIC_RELAXED)
	    || !__atomic_compare_exchange_n(&head->owner, &nobody, us, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	if (!ring_map(index)) {
		/* Release: nothing was written, the next owner goes on from where it is. */
		__atomic_store_n(&head->owner, 0, __ATOMIC_RELEASE);
		return false;
	}
	head->mark.entered = 0;
	/* What a thread asked for that never came back, cancelled or killed. */
	head->interrupt = 0;
	thread.head = head;
	return true;
}

/* Runs when the thread ends, so that a program with ten thousand threads needs few
 * chunks. Keys below 32 have room in the thread itself: nothing is allocated. */
static pthread_key_t chunk_key;
static bool have_key;

static void chunk_destroy(void *head)
{
	if (thread.head != head)
		return;
	trace_abandoned();
	chunk_release();
	thread.ending = 1;
}

void chunk_init(void)
{
	rings[SHARED_CHUNK] = (char *)arena + arena->chunks_at;
	have_key = !(plan->flags & PLAN_UNHEARD)
		&& !inner.key_create(&chunk_key, chunk_destroy) && chunk_key < 32;
}

static struct head *chunk_find(void)
{
	/* Acquire pairs with the host's release: the memory is there before we see it. */
	uint32_t ready = __atomic_load_n(&arena->ready, __ATOMIC_ACQUIRE);

	for (uint32_t i = SHARED_CHUNK + 1; i < ready && i < MOST_CHUNKS; i++)
		if (chunk_take(i)) {
			if (have_key)
				inner.setspecific(chunk_key, thread.head);
			return thread.head;
		}
	return NULL;
}

/* Looking through all chunks is not for every event of a thread that found none. The few
 * events that nobody listens to are not worth a chunk. */
struct head *chunk_own(void)
{
	if (thread.head || thread.ending || thread.chunkless++ % LOOK_EVERY
	    || plan->flags & PLAN_UNHEARD)
		return thread.head;
	return chunk_find();
}

struct head *chunk_await(uint32_t milliseconds)
{
	const struct timespec nap = { 0, 1000000 };
	struct head *head = chunk_own();

	while (!head && milliseconds-- && !thread.ending && !quiet && !no_room) {
		/* Before the look: what was there all the time was in use. Relaxed: it only rises. */
		bool all = __atomic_load_n(&arena->ready, __ATOMIC_RELAXED) >= arena->nchunks;

		head = chunk_find();
		if (all)
			break;
		if (!head)
			sys2(__NR_nanosleep, &nap, 0);
	}
	return head;
}

void chunk_release(void)
{
	struct head *head = thread.head;

	thread.head = NULL;
	thread.chunkless = 0;
	/* Release: the next owner goes on where our records end. */
	if (head)
		__atomic_store_n(&head->owner, 0, __ATOMIC_RELEASE);
}

/* ---- reserving and committing ---- */

static struct record *record_at(const struct head *head, uint64_t position)
{
	char *ring = rings[head - head_at(0)];

	return (struct record *)(void *)(ring + (position & (arena->chunk_size - 1)));
}

/* Move our own chunk's `head`, unless a handler of this thread moved it since: one
 * instruction, so no lock prefix is needed, for nobody else writes it. */
static bool move_own(struct head *head, uint64_t *at, uint64_t to)
{
	bool moved;

	__asm__ volatile("cmpxchgq %3, %1"
			 : "=@ccz"(moved), "+m"(head->head), "+a"(*at)
			 : "r"(to)
			 : "memory");
	return moved;
}

static bool move_head(struct head *head, uint64_t *at, uint64_t to)
{
	if (head == thread.head)
		return move_own(head, at, to);
	/* Relaxed: only the position is agreed on here; commit words order the rest. */
	return __atomic_compare_exchange_n(&head->head, at, to, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

void chunk_commit(struct record *record, uint64_t position)
{
	/* Release pairs with the host's acquire: the record is whole before it counts. */
	__atomic_store_n(&record->commit, position + 1, __ATOMIC_RELEASE);
}

static void pad_to_end(const struct head *head, uint64_t position, uint64_t room)
{
	struct record *pad = record_at(head, position);

	pad->size = (uint32_t)room;
	pad->kind = RECORD_PAD;
	chunk_commit(pad, position);
}

static struct record *reserve(struct head *head, uint32_t size, uint64_t *position)
{
	uint64_t at = __atomic_load_n(&head->head, __ATOMIC_RELAXED), room;

	do {
		room = arena->chunk_size - (at & (arena->chunk_size - 1));
		if (room >= size)
			room = 0;
		/* Acquire pairs with the host's release: it has read what we overwrite. */
		uint64_t tail = __atomic_load_n(&head->tail, __ATOMIC_ACQUIRE);

		if (at + room + size - tail > arena->chunk_size)
			return NULL;
	} while (!move_head(head, &at, at + room + size));
	if (room)
		pad_to_end(head, at, room);
	*position = at + room;
	return record_at(head, at + room);
}

struct record *chunk_reserve(uint32_t size, uint64_t *position)
{
	struct head *head = chunk_own();

	if (!head)
		head = head_at(SHARED_CHUNK);
	struct record *record = reserve(head, size, position);

	if (!record) {
		__atomic_fetch_add(&head->dropped, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	record->commit = 0;
	record->size = size;
	return record;
}
