/* A thread with 16 KiB of stack, the least there is, makes calls: whatever stands
 * between it and libc must fit. */
#include "target.h"
#include <pthread.h>

static void *calls(void *arg)
{
	char byte;

	for (int i = 0; i < 100; i++) {
		int fd = open("/dev/zero", O_RDONLY);

		CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && close(fd) == 0);
	}
	return arg;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 16 * 1024) == 0);
	CHECK(pthread_create(&thread, &attr, calls, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	return passed();
}
