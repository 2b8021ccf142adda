/* Takes, changes and gives back blocks of all sizes and alignments, in four threads; each
 * holds what was written there until it goes. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, BLOCKS = 512, TURNS = 100000 };

struct block {
	unsigned char *at;
	size_t size;
	unsigned char mark;
};

static size_t some_size(unsigned int *seed)
{
	size_t most = (size_t)1 << (rand_r(seed) % 19);

	return (size_t)rand_r(seed) % most + (rand_r(seed) % 2);
}

static void check(const struct block *block, size_t size)
{
	for (size_t i = 0; i < size; i += 1 + size / 64)
		if (block->at[i] != block->mark)
			abort();
}

static void take(struct block *block, unsigned int *seed)
{
	size_t alignment = (size_t)16 << rand_r(seed) % 10;

	block->size = some_size(seed);
	switch (rand_r(seed) % 3) {
	case 0:
		block->at = calloc(block->size, 1);
		block->mark = 0;
		check(block, block->size);
		break;
	case 1:
		block->at = memalign(alignment, block->size);
		if ((uintptr_t)block->at % alignment)
			abort();
		break;
	default: block->at = malloc(block->size);
	}
	if (!block->at || (uintptr_t)block->at % 16 || malloc_usable_size(block->at) < block->size)
		abort();
}

static void resize(struct block *block, unsigned int *seed)
{
	size_t size = some_size(seed) + 1;

	block->at = realloc(block->at, size);
	if (!block->at)
		abort();
	check(block, size < block->size ? size : block->size);
	block->size = size;
}

static void *turns(void *number)
{
	unsigned int seed = (unsigned int)(uintptr_t)number;
	struct block blocks[BLOCKS] = { { 0 } };

	for (int i = 0; i < TURNS; i++) {
		struct block *block = &blocks[rand_r(&seed) % BLOCKS];

		if (!block->at) {
			take(block, &seed);
		} else {
			check(block, block->size);
			if (rand_r(&seed) % 3)
				resize(block, &seed);
			else {
				free(block->at);
				block->at = NULL;
				continue;
			}
		}
		block->mark = (unsigned char)rand_r(&seed);
		memset(block->at, block->mark, block->size);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	volatile size_t much = PTRDIFF_MAX, half = SIZE_MAX / 2 + 1;

	if (malloc(much) || calloc(half, 2) || realloc(malloc(1), much))
		return 1;
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, turns, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	puts("whole");
	return 0;
}
