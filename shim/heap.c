/*
 * libpyburn.so: malloc(3) and its kin, for all of the bridge's namespace.
 *
 * glibc's own keeps a cache for each thread, 656 bytes and what is in it, and frees it when
 * the thread ends. The program's threads end in the program's libc; the namespace's hears
 * nothing of it, so each thread that a hook once ran in would leave a kilobyte for ever.
 *
 * This one knows no threads: one lock, a list of free blocks for each of 56 sizes, and
 * mmap(2) for what is larger. A hook runs at a time, so nobody waits. Blocks of a size stay
 * blocks of that size. Addresses are multiples of 16, as malloc(3) promises.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "heap.h"

enum {
	STEP = 32, FINE = 1024, FINE_SIZES = FINE / STEP,
	LARGEST = 65536, SIZES = FINE_SIZES + 6 * 4,
	SLAB = 1 << 20, PAGE = 4096,
};

/* Before each block. The next free one lies in the block itself. */
struct head {
	uint64_t room;    /* bytes behind it; above LARGEST: mapped for it alone */
	uint64_t before;  /* from the start of what malloc() gave: memalign(3) */
};

struct free_block {
	struct free_block *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct free_block *free_blocks[SIZES];
static char *slab, *slab_end;

void heap_after_fork(void)
{
	pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	lock = fresh;
}

/* Multiples of 32 up to 1024, then four steps to each doubling. */
static uint32_t size_index(size_t size)
{
	if (size <= FINE)
		return size ? (uint32_t)((size - 1) / STEP) : 0;
	uint32_t log = 63 - (uint32_t)__builtin_clzl(size - 1);

	return FINE_SIZES + (log - 10) * 4 + (uint32_t)((size - 1) >> (log - 2) & 3);
}

static size_t room_of(uint32_t index)
{
	if (index < FINE_SIZES)
		return (index + 1) * STEP;
	size_t base = (size_t)FINE << (index - FINE_SIZES) / 4;

	return base + base / 4 * ((index - FINE_SIZES) % 4 + 1);
}

static struct head *head_of(void *block)
{
	return (struct head *)block - 1;
}

static void *map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static size_t mapped_size(size_t size)
{
	return (size + sizeof(struct head) + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void *take_large(size_t size)
{
	size_t whole = mapped_size(size);
	struct head *head = size < PTRDIFF_MAX - PAGE ? map(whole) : NULL;

	if (!head)
		return NULL;
	head->room = whole - sizeof(*head);
	return head + 1;
}

/* What is left of a slab that is too short is lost: less than a sixteenth of it. */
static void *carve(size_t room)
{
	size_t whole = room + sizeof(struct head);

	if ((size_t)(slab_end - slab) < whole) {
		slab = map(SLAB);
		slab_end = slab ? slab + SLAB : NULL;
		if (!slab)
			return NULL;
	}
	struct head *head = (struct head *)(void *)slab;

	slab += whole;
	head->room = room;
	return head + 1;
}

static void *take_small(uint32_t index)
{
	struct free_block *block;

	pthread_mutex_lock(&lock);
	block = free_blocks[index];
	if (block)
		free_blocks[index] = block->next;
	else
		block = carve(room_of(index));
	pthread_mutex_unlock(&lock);
	return block;
}

static void *take(size_t size)
{
	void *block = size > LARGEST ? take_large(size) : take_small(size_index(size));

	if (block)
		head_of(block)->before = 0;
	else
		errno = ENOMEM;
	return block;
}

void *malloc(size_t size)
{
	return take(size);
}

static void *start_of(void *block)
{
	return (char *)block - head_of(block)->before;
}

void free(void *block)
{
	int saved = errno;

	if (!block)
		return;
	block = start_of(block);
	size_t room = head_of(block)->room;

	if (room > LARGEST) {
		munmap(head_of(block), room + sizeof(struct head));
		errno = saved;
		return;
	}
	struct free_block *freed = block;

	pthread_mutex_lock(&lock);
	freed->next = free_blocks[size_index(room)];
	free_blocks[size_index(room)] = freed;
	pthread_mutex_unlock(&lock);
}

void *calloc(size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	void *block = take(all);

	/* What was just mapped is zero. */
	return block && all <= LARGEST ? memset(block, 0, all) : block;
}

size_t malloc_usable_size(void *block)
{
	return block ? head_of(block)->room - head_of(block)->before : 0;
}

static void *remap(void *block, size_t size)
{
	struct head *head = head_of(block);
	size_t whole = mapped_size(size);

	head = mremap(head, head->room + sizeof(*head), whole, MREMAP_MAYMOVE);
	if (head == MAP_FAILED)
		return NULL;
	head->room = whole - sizeof(*head);
	return head + 1;
}

static void *move(void *block, size_t size)
{
	size_t room = malloc_usable_size(block);
	void *new = take(size);

	if (!new)
		return NULL;
	memcpy(new, block, room < size ? room : size);
	free(block);
	return new;
}

void *realloc(void *block, size_t size)
{
	size_t room = malloc_usable_size(block);

	if (!block)
		return take(size);
	if (room > LARGEST && size > LARGEST && !head_of(block)->before
	    && size < PTRDIFF_MAX - PAGE)
		return remap(block, size);
	if (size <= room && (room <= LARGEST) && size_index(size) == size_index(room))
		return block;
	return move(block, size);
}

void *reallocarray(void *block, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, all);
}

/* A second head before the aligned address says how far it is from the first. */
void *memalign(size_t alignment, size_t size)
{
	if (alignment <= sizeof(struct head))
		return take(size);
	char *block = size + alignment > size ? take(size + alignment + sizeof(struct head))
					      : NULL;

	if (!block)
		return NULL;
	uintptr_t at = (uintptr_t)block + sizeof(struct head) + alignment - 1;
	char *aligned = (char *)(at & ~(alignment - 1));
	struct head *head = head_of(aligned);

	head->room = head_of(block)->room;
	head->before = (uint64_t)(aligned - block);
	return aligned;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
	void *block = memalign(alignment, size);

	if (!block)
		return ENOMEM;
	*to = block;
	return 0;
}

void *valloc(size_t size)
{
	return memalign(PAGE, size);
}

void *pvalloc(size_t size)
{
	return memalign(PAGE, (size + PAGE - 1) & ~(size_t)(PAGE - 1));
}
