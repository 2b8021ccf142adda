/* A library that has a thread before anybody else's constructor runs, and main that knows
 * nothing of it. To be linked with -z initfirst. */
#include "target.h"
#include <pthread.h>

static void *work(void *arg)
{
	for (;;)
		getppid();
	return arg;
}

#ifdef LIBRARY
__attribute__((constructor)) static void start(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
}
#else
int main(void)
{
	(void)work;
	return passed();
}
#endif
