/* argv[1] threads that begin to wait at the same moment, each for a signal. */
#include "target.h"
#include <pthread.h>
#include <signal.h>

static pthread_barrier_t all_there;
static int pipes[2];

static void handler(int signo)
{
	(void)signo;
}

static void *waits(void *unused)
{
	char byte;

	pthread_barrier_wait(&all_there);
	CHECK(read(pipes[0], &byte, 1) == -1 && errno == EINTR);
	return unused;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = handler };
	int count = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));

	CHECK(threads && pipe(pipes) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(pthread_barrier_init(&all_there, NULL, (unsigned)count) == 0);
	for (int i = 0; i < count; i++)
		CHECK(pthread_create(&threads[i], NULL, waits, NULL) == 0);
	for (int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	free(threads);
	return passed();
}
