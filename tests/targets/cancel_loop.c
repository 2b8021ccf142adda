/* argv[1] threads (200), one after the other, each cancelled while it makes one call
 * after the other: its chunk must come free and no lock of ours stay taken. */
#include "target.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_long calls;

static void *reads(void *arg)
{
	int zero = *(int *)arg;
	char byte;

	for (;; calls++)
		CHECK(read(zero, &byte, 1) == 1);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 200;
	int zero = open("/dev/zero", O_RDONLY);

	for (int i = 0; i < count; i++) {
		long before = calls;
		pthread_t thread;
		void *result;

		CHECK(pthread_create(&thread, NULL, reads, &zero) == 0);
		while (calls < before + 10)
			;
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_join(thread, &result) == 0);
		CHECK(result == PTHREAD_CANCELED);
	}
	return passed();
}
