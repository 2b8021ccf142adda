/* Threads, memory and a fork, to be built with a sanitizer; ends with status 7. */
#include "target.h"
#include <pthread.h>

static void *works(void *arg)
{
	for (int i = 1; i < 1000; i++)
		free(realloc(malloc((size_t)i), (size_t)i * 3));
	return arg;
}

int main(void)
{
	pthread_t threads[4];
	pid_t pid;

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, works, NULL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	pid = fork();
	if (pid == 0) {
		works(NULL);
		_exit(3);
	}
	CHECK(wait_for(pid) == 3);
	return 7;
}
