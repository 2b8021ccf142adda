/* ROUNDS times: two children call getppid(2) without end, and so does the parent for a
 * while, a different one in each round; then SIGKILL, wherever they are. */
#include "target.h"
#include <signal.h>

enum { CHILDREN = 2, LONGEST = 37 };

/* Returns when the child has made its first call. */
static pid_t start(void)
{
	int ends[2];
	char byte;

	CHECK(pipe(ends) == 0);
	pid_t pid = fork();

	if (!pid) {
		getppid();
		CHECK(write(ends[1], "", 1) == 1);
		for (;;)
			getppid();
	}
	CHECK(pid > 0 && read(ends[0], &byte, 1) == 1);
	CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
	return pid;
}

int main(int argc, char **argv)
{
	pid_t pids[CHILDREN];
	int rounds = argc == 2 ? atoi(argv[1]) : 0;

	getppid();
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < CHILDREN; i++)
			pids[i] = start();
		for (int i = 0; i < round * 7 % LONGEST; i++)
			getppid();
		for (int i = 0; i < CHILDREN; i++)
			CHECK(kill(pids[i], SIGKILL) == 0);
		for (int i = 0; i < CHILDREN; i++)
			CHECK(wait_for(pids[i]) == 128 + SIGKILL);
		getppid();
	}
	return passed();
}
