/*
 * State that all processes of a run share: the C half of pyshim/shared.py, compiled into
 * the host (pyshim/_host.c) and into the bridge (embed_call.c), never into libpyshim.so. The
 * region lies in the arena, so a process has it whatever became of its fds, root or cwd.
 *
 * Any process may end at any instruction. So a counter is one atomic word; a value has two
 * places, and one store says which of them counts: what a dying writer leaves half done is
 * never looked at. Readers take no lock and wait for nobody. Writers, and who takes a new
 * name, have a robust mutex: the kernel itself walks the list of a dying thread's locks
 * (get_robust_list(2)), so neither pids nor namespaces nor their reuse matter. The list's
 * head is in the block of the thread, which the bridge's libc has in common with the
 * program's. No Python runs under the mutex.
 */
#ifndef PYSHIM_SHARED_H
#define PYSHIM_SHARED_H

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* cdef begin: for pyshim/shared.py, on both sides. */
enum shared_kind { SHARED_FREE, SHARED_COUNTER, SHARED_VALUE };
enum shared_limit { SHARED_NAMES = 256, SHARED_NAME = 55, SHARED_BYTES = 240 };

/* A value, copied out: how often it had been set, and up to SHARED_BYTES bytes. */
struct shared_copy {
	uint64_t turn;
	uint64_t size;
	char bytes[240];
};

/* Where the slot of that name is, new or not; or -errno: ENOSPC when all are taken. */
static int shared_find(uint32_t kind, const char *name);
/* The new number; it wraps. */
static int64_t shared_add(int place, int64_t n);
static int64_t shared_number(int place);
static void shared_put_number(int place, int64_t number);
static void shared_get(int place, struct shared_copy *into);
/* 0 or -errno; EAGAIN when it was set since `seen` was copied, if not NULL. */
static int shared_set(int place, const char *bytes, uint32_t size,
		      const struct shared_copy *seen);
/* cdef end */

/* SHARED_WAIT: a mutex is held for the copying of one value. Who waits longer waits for a
 * thread that is stopped, not for a dead one. LOOKS a second: before Linux 5.5 a waiter was
 * not woken when the holder was killed between giving the mutex back and waking. */
enum { SHARED_WAIT = 5, SHARED_LOOKS = 10 };

struct shared_value {
	uint64_t size;
	uint64_t words[SHARED_BYTES / 8];
};

/* The number of a counter is alone in its cache line, but for values it does not have. */
struct shared_slot {
	uint32_t kind;       /* stored last, when the name is whole; never changes again */
	char name[SHARED_NAME + 1];
	uint64_t number __attribute__((aligned(64)));  /* of a value: how often it was set */
	struct shared_value values[2];                 /* [number & 1] is the one that counts */
};

struct shared {
	pthread_mutex_t lock;
	struct shared_slot slots[SHARED_NAMES];
};

/* Not NULL where names can be taken. Set before there is another thread that asks. */
static struct shared *shared;

_Static_assert(sizeof(((struct shared_copy *)0)->bytes) == SHARED_BYTES, "a value's bytes");
_Static_assert(SHARED_BYTES % 8 == 0, "whole words");

static struct timespec shared_soon(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += 1000000000 / SHARED_LOOKS;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	return end;
}

/* 0 or an errno. Whatever a dead holder was doing, there is nothing to mend. */
static int shared_lock(void)
{
	int error = pthread_mutex_trylock(&shared->lock);

	for (int i = 0; i < SHARED_WAIT * SHARED_LOOKS; i++) {
		if (error != EBUSY && error != ETIMEDOUT)
			break;
		struct timespec end = shared_soon();

		error = pthread_mutex_clocklock(&shared->lock, CLOCK_MONOTONIC, &end);
	}
	return error == EOWNERDEAD ? pthread_mutex_consistent(&shared->lock) : error;
}

/* The place of that name, else -1 - the first free one; they are taken in order. */
static int shared_search(uint32_t kind, const char *name)
{
	for (int i = 0; i < SHARED_NAMES; i++) {
		const struct shared_slot *slot = &shared->slots[i];
		/* Acquire pairs with the release in shared_take(): the name is whole. */
		uint32_t is = __atomic_load_n(&slot->kind, __ATOMIC_ACQUIRE);

		if (is == SHARED_FREE)
			return -1 - i;
		if (is == kind && !strcmp(slot->name, name))
			return i;
	}
	return -1 - SHARED_NAMES;
}

/* With the lock held. Ended in the middle: the place is still free. */
static int shared_take(uint32_t kind, const char *name)
{
	int place = shared_search(kind, name);

	if (place >= 0)
		return place;
	place = -1 - place;
	if (place == SHARED_NAMES)
		return -ENOSPC;
	strcpy(shared->slots[place].name, name);
	/* Release pairs with the acquire in shared_search(). */
	__atomic_store_n(&shared->slots[place].kind, kind, __ATOMIC_RELEASE);
	return place;
}

static int shared_find(uint32_t kind, const char *name)
{
	if (!shared)
		return -ENXIO;
	if (strlen(name) > SHARED_NAME)
		return -ENAMETOOLONG;
	int place = shared_search(kind, name), error;

	if (place >= 0)
		return place;
	error = shared_lock();
	if (error)
		return -error;
	place = shared_take(kind, name);
	pthread_mutex_unlock(&shared->lock);
	return place;
}

/* ---- counters ---- */

/* Acquire and release, both: who finds the third of three finds what the two before wrote,
 * whatever it is that the plugin counts. So a counter may also guard something. */
static int64_t shared_add(int place, int64_t n)
{
	return (int64_t)__atomic_add_fetch(&shared->slots[place].number, (uint64_t)n,
					   __ATOMIC_ACQ_REL);
}

static int64_t shared_number(int place)
{
	/* Acquire pairs with the releases of shared_add() and shared_put_number(). */
	return (int64_t)__atomic_load_n(&shared->slots[place].number, __ATOMIC_ACQUIRE);
}

static void shared_put_number(int place, int64_t number)
{
	/* Release pairs with the acquires of shared_add() and shared_number(). */
	__atomic_store_n(&shared->slots[place].number, (uint64_t)number, __ATOMIC_RELEASE);
}

/* ---- values ---- */

/* Words, each atomic, for a reader may be looking; relaxed, for the turn orders them. */
static void shared_copy_out(const struct shared_value *from, struct shared_copy *into)
{
	uint64_t size = __atomic_load_n(&from->size, __ATOMIC_RELAXED);

	into->size = size < SHARED_BYTES ? size : SHARED_BYTES;
	for (size_t at = 0; at < into->size; at += 8) {
		uint64_t word = __atomic_load_n(&from->words[at / 8], __ATOMIC_RELAXED);

		memcpy(into->bytes + at, &word, 8);
	}
}

static void shared_copy_in(struct shared_value *into, const char *from, size_t size)
{
	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = 0;

		memcpy(&word, from + at, size - at < 8 ? size - at : 8);
		__atomic_store_n(&into->words[at / 8], word, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&into->size, size, __ATOMIC_RELAXED);
}

/* With turn n the place n & 1 counts, and the next writer fills the other. So what was read
 * may be mixed only if two were begun since, and then the turn is no more n. */
static void shared_get(int place, struct shared_copy *into)
{
	const struct shared_slot *slot = &shared->slots[place];
	uint64_t now;

	do {
		/* Acquire pairs with the release in shared_put(): the bytes are there. */
		into->turn = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);
		shared_copy_out(&slot->values[into->turn & 1], into);
		/* Acquire pairs with the release fence in shared_put(): if any word came
		 * from the writer after the next, so does the turn that it began with. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		now = __atomic_load_n(&slot->number, __ATOMIC_RELAXED);
	} while (now != into->turn);
}

/* With the lock held, by which what the writer before us stored is ordered before. */
static void shared_put(struct shared_slot *slot, uint64_t turn, const char *bytes,
		       size_t size)
{
	/* Release pairs with the acquire fence in shared_get(). */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	shared_copy_in(&slot->values[(turn + 1) & 1], bytes, size);
	/* Release pairs with the acquire in shared_get(). Ended before: nothing was set. */
	__atomic_store_n(&slot->number, turn + 1, __ATOMIC_RELEASE);
}

static int shared_set(int place, const char *bytes, uint32_t size,
		      const struct shared_copy *seen)
{
	struct shared_slot *slot = &shared->slots[place];
	int error = size > SHARED_BYTES ? EMSGSIZE : shared_lock();

	if (error)
		return -error;
	/* Relaxed: it changes under the lock alone. */
	uint64_t now = __atomic_load_n(&slot->number, __ATOMIC_RELAXED);

	if (seen && seen->turn != now)
		error = EAGAIN;
	else
		shared_put(slot, now, bytes, size);
	pthread_mutex_unlock(&shared->lock);
	return -error;
}

#endif
