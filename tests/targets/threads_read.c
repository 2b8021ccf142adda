/* Eight threads, argv[1] reads each (20,000): none lost and none mixed up. */
#include "target.h"
#include <pthread.h>

#define THREADS 8

static int most = 20000;

static void *reads(void *arg)
{
	long good = 0;
	int fd = open("/dev/zero", O_RDONLY);

	(void)arg;
	for (int i = 0; i < most; i++) {
		char byte = 1;

		good += read(fd, &byte, 1) == 1 && byte == 0;
	}
	close(fd);
	return (void *)good;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	long good = 0;

	if (argc > 1)
		most = atoi(argv[1]);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, reads, NULL) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *part;

		CHECK(pthread_join(threads[i], &part) == 0);
		good += (long)part;
	}
	printf("%ld\n", good);
	return good == THREADS * most ? passed() : 1;
}
