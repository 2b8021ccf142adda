/* Fork, argv[1] times (100), while four other threads are in the middle of calls: the
 * child, which has only the forking thread, must find nothing locked. */
#include "target.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_bool done;

static void *calls(void *arg)
{
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	char bytes[64];

	while (!done) {
		CHECK(read(zero, bytes, sizeof(bytes)) == sizeof(bytes));
		CHECK(write(null, bytes, sizeof(bytes)) == sizeof(bytes));
	}
	return arg;
}

static void child(void)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	for (int i = 0; i < 10; i++)
		CHECK(read(fd, &byte, 1) == 1);
	_exit(close(fd));
}

int main(int argc, char **argv)
{
	int forks = argc > 1 ? atoi(argv[1]) : 100;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, calls, NULL) == 0);
	for (int i = 0; i < forks; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			child();
		CHECK(wait_for(pid) == 0);
	}
	done = 1;
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return passed();
}
