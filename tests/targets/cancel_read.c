/* pthread_cancel ends a thread that is blocked in read: a cancellation point must stay
 * one, and the thread's cleanup handler must run. */
#include "target.h"
#include <pthread.h>
#include <time.h>

static int cleaned;

static void cleanup(void *arg)
{
	cleaned += *(int *)arg;
}

static void *blocked(void *arg)
{
	int one = 1;
	char byte;

	pthread_cleanup_push(cleanup, &one);
	CHECK(read(*(int *)arg, &byte, 1) == -2 && "read returned");
	pthread_cleanup_pop(0);
	return NULL;
}

int main(void)
{
	struct timespec till_blocked = { 0, 50 * 1000 * 1000 };
	int pair[2];

	CHECK(pipe(pair) == 0);
	for (int i = 1; i <= 5; i++) {
		pthread_t thread;
		void *result;

		CHECK(pthread_create(&thread, NULL, blocked, &pair[0]) == 0);
		nanosleep(&till_blocked, NULL);
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_join(thread, &result) == 0);
		CHECK(result == PTHREAD_CANCELED && cleaned == i);
	}
	CHECK(write(pair[1], "x", 1) == 1);
	return passed();
}
