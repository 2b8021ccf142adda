/* An allocator that does not tell how large its blocks are: each lies on pages of its own,
 * and in front of it there is nothing. Nothing is ever given back. */
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

void *malloc(size_t size)
{
	size_t room = (size / PAGE + 2) * PAGE;
	char *at = room < size ? MAP_FAILED
		: mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	mprotect(at, PAGE, PROT_NONE);
	return at + PAGE;
}

void *calloc(size_t count, size_t size)
{
	return __builtin_mul_overflow(count, size, &size) ? NULL : malloc(size);
}

/* The pages behind a block are those of the next, or nobody's. */
void *realloc(void *block, size_t size)
{
	char *larger = malloc(size);

	for (size_t at = 0; block && larger && at < size; at += PAGE) {
		if (msync((char *)block + at, PAGE, MS_ASYNC))
			break;
		memcpy(larger + at, (char *)block + at, size - at < PAGE ? size - at : PAGE);
	}
	return larger;
}

void free(void *block)
{
	(void)block;
}
