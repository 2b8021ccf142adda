/* argv[1] threads one after the other, each making one call: what is kept for a thread
 * must be given back when it ends. */
#include "target.h"
#include <pthread.h>

static int zero;

static void *reads(void *arg)
{
	char byte;

	CHECK(read(zero, &byte, 1) == 1);
	return arg;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 100;

	zero = open("/dev/zero", O_RDONLY);
	for (int i = 0; i < count; i++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, NULL, reads, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	return passed();
}
