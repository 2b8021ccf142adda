/* exec in a thread that is not the first, while others wait and one makes calls: the
 * program is another then, of the same pid. */
#include "inline.h"
#include <pthread.h>
#include <signal.h>

static int pair[2];
static pid_t pid;

static void *waits(void *unused)
{
	char byte;

	(void)unused;
	CHECK(read(pair[0], &byte, 1) == -2 && "read returned");
	return NULL;
}

static void *works(void *unused)
{
	(void)unused;
	while (inline0(SYS_getppid) >= 0)
		;
	return NULL;
}

static void *execs(void *name)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", pid);
	execl(name, name, number, NULL);
	CHECK(0);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc > 1) {
		printf("the same pid: %d\n", atoi(argv[1]) == (int)inline0(SYS_getpid));
		return passed();
	}
	pid = getpid();
	CHECK(pipe2(pair, O_CLOEXEC) == 0);
	CHECK(pthread_create(&thread, NULL, waits, NULL) == 0);
	CHECK(pthread_create(&thread, NULL, works, NULL) == 0);
	CHECK(pthread_create(&thread, NULL, execs, argv[0]) == 0);
	pthread_join(thread, NULL);
	return 1;
}
