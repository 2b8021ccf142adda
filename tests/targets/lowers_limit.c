/* Limits its own address space to little more than it has, as shells do for `ulimit -v`,
 * and then uses what is left: it must all be there. */
#include "target.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { LEFT = 64 << 20, USED = 48 << 20 };

/* Bare, a small program has a few MiB: what a library in it may add is not in this. */
static const struct rlimit limit = { 8 << 20 | LEFT, 8 << 20 | LEFT };

static void *calls(void *arg)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && close(fd) == 0);
	return arg;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	void *map;

	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	calls(NULL);
	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 64 * 1024) == 0);
	for (int i = 0; i < 20; i++) {
		CHECK(pthread_create(&thread, &attr, calls, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	map = mmap(NULL, USED, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(map != MAP_FAILED && munmap(map, USED) == 0);
	return passed();
}
