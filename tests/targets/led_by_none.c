/* Writes to the file `made` in a thread, by whose process the kernel finds no descriptors:
 * `led_by_none exited`: its first thread has ended; `unshared`: this one has its own. */
#include "target.h"
#include <pthread.h>
#include <sched.h>

static pthread_t first;

static void *writes(void *unshared)
{
	int fd;

	if (unshared)
		CHECK(unshare(CLONE_FILES) == 0);
	else
		CHECK(pthread_join(first, NULL) == 0);
	CHECK((fd = open("made", O_WRONLY | O_CREAT, 0600)) >= 0);
	report("write", write(fd, "x", 1));
	exit(passed());
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int unshared = argc > 1 && !strcmp(argv[1], "unshared");

	first = pthread_self();
	CHECK(pthread_create(&thread, NULL, writes, unshared ? argv : NULL) == 0);
	if (unshared)
		pthread_join(thread, NULL);
	pthread_exit(NULL);
}
