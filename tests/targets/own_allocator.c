/* An allocator in the program's own file opens a file at its first call, its lock held, as
 * jemalloc does. */
#include "target.h"
#include <pthread.h>
#include <stdbool.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char memory[64 << 20] __attribute__((aligned(16)));
static size_t used;
static bool opened;

void *malloc(size_t size)
{
	pthread_mutex_lock(&lock);
	if (!opened) {
		opened = true;
		int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY);

		if (fd >= 0)
			close(fd);
	}
	size_t *block = (size_t *)(memory + used);

	used += (size + 31) & ~15ul;
	*block = size;
	pthread_mutex_unlock(&lock);
	return block + 2;
}

void free(void *block)
{
	(void)block;
}

void *calloc(size_t n, size_t size)
{
	return memset(malloc(n * size), 0, n * size);
}

void *realloc(void *block, size_t size)
{
	void *new = malloc(size);
	size_t before = block ? ((size_t *)block)[-2] : 0;

	return memcpy(new, block ? block : new, before < size ? before : size);
}

int main(void)
{
	int fd = open("/dev/zero", O_RDONLY);

	printf("%s\n", strdup(fd < 0 ? strerror(errno) : "opened"));
	return passed();
}
