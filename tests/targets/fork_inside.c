/* forkpty and daemon fork inside libc. Each child makes a getppid of its own; the parent
 * reads what it writes, to its end. */
#include "target.h"
#include <pty.h>

static void by_forkpty(void)
{
	char word[16] = "";
	int terminal;
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);

	CHECK(child >= 0);
	if (child == 0) {
		getppid();
		CHECK(write(1, "child", 5) == 5);
		_exit(7);
	}
	for (size_t got = 0; got < 5;) {
		ssize_t more = read(terminal, word + got, 5 - got);

		CHECK(more > 0);
		got += (size_t)more;
	}
	CHECK(wait_for(child) == 7);
	CHECK(!close(terminal));
	printf("forkpty: %s\n", word);
}

/* In a child, for it ends; the pipe's end is its child's end. */
static void by_daemon(void)
{
	char word[16] = "";
	int ends[2];

	CHECK(!pipe(ends));
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		CHECK(!daemon(1, 1));
		getppid();
		CHECK(write(ends[1], "daemon", 6) == 6);
		_exit(0);
	}
	CHECK(!close(ends[1]));
	CHECK(wait_for(child) == 0);
	CHECK(read(ends[0], word, 6) == 6);
	CHECK(read(ends[0], word, 6) == 0);
	printf("daemon: %s\n", word);
}

int main(void)
{
	by_forkpty();
	fflush(stdout);
	by_daemon();
	return passed();
}
