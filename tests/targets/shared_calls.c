/* PROCESSES, each with THREADS, each with CALLS times getppid(2), all at the same time; and
 * one call before them all, in the first process. */
#include "target.h"
#include <pthread.h>

enum { MOST = 64 };

static long calls;

static void *loop(void *unused)
{
	for (long i = 0; i < calls; i++)
		getppid();
	return unused;
}

static void threads(int n)
{
	pthread_t ids[MOST];

	for (int i = 0; i < n; i++)
		CHECK(!pthread_create(&ids[i], NULL, loop, NULL));
	for (int i = 0; i < n; i++)
		CHECK(!pthread_join(ids[i], NULL));
}

int main(int argc, char **argv)
{
	pid_t pids[MOST];
	int processes = argc == 4 ? atoi(argv[1]) : 0;

	CHECK(processes > 0 && processes <= MOST && atoi(argv[2]) <= MOST);
	calls = atol(argv[3]);
	getppid();
	for (int i = 0; i < processes; i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (!pids[i]) {
			threads(atoi(argv[2]));
			_exit(0);
		}
	}
	for (int i = 0; i < processes; i++)
		CHECK(wait_for(pids[i]) == 0);
	return passed();
}
