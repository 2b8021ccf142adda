/* argv[1] threads, argv[2] of them at a time (1), each making three calls: what is kept
 * for a thread must be given back when it ends. argv[3]: a file for the KiB the process
 * had in memory after the first tenth of them, and at the end. */
#include "target.h"
#include <pthread.h>

enum { AT_ONCE = 100 };

static int zero;

static void *reads(void *arg)
{
	char byte;

	CHECK(read(zero, &byte, 1) == 1 && getppid() > 0 && access("/", F_OK) == 0);
	return arg;
}

static long resident(void)
{
	char text[256];
	int fd = open("/proc/self/statm", O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text) - 1);
	char *second = got > 0 ? memchr(text, ' ', (size_t)got) : NULL;

	CHECK(second && close(fd) == 0);
	return atol(second) * 4;
}

static void some(int count)
{
	pthread_t threads[AT_ONCE];

	for (int i = 0; i < count; i++)
		CHECK(pthread_create(&threads[i], NULL, reads, NULL) == 0);
	for (int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 100;
	int at_once = argc > 2 ? atoi(argv[2]) : 1, made = 0;
	long before = 0;

	CHECK(at_once >= 1 && at_once <= AT_ONCE);
	zero = open("/dev/zero", O_RDONLY);
	for (; made < count / 10; made += at_once)
		some(at_once);
	if (argc > 3)
		before = resident();
	for (; made < count; made += at_once)
		some(at_once);
	if (argc > 3)
		dprintf(open(argv[3], O_WRONLY | O_CREAT, 0600), "%ld %ld\n", before,
			resident());
	return passed();
}
