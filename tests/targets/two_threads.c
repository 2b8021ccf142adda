/* One thread reads from a pipe that the other writes to, later: whoever makes the read wait
 * for anything but the write hangs. Then both do so in a child of fork(2). */
#include "target.h"
#include <pthread.h>

static int pipes[2];

static void *reads(void *unused)
{
	char byte;

	CHECK(read(pipes[0], &byte, 1) == 1);
	return unused;
}

static void both(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, reads, NULL) == 0);
	usleep(20000);
	CHECK(write(pipes[1], "x", 1) == 1);
	CHECK(pthread_join(thread, NULL) == 0);
}

int main(void)
{
	CHECK(pipe(pipes) == 0);
	both();
	pid_t pid = fork();

	CHECK(pid >= 0);
	both();
	if (pid == 0)
		_exit(0);
	CHECK(wait_for(pid) == 0);
	return passed();
}
