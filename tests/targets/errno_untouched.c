/* A call that works leaves errno as it was, however often it is made: argv[1] times, or
 * 500. */
#include "target.h"
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define KEPT(call)                                   \
	do {                                         \
		errno = 1234;                        \
		CHECK((call) >= 0 && errno == 1234); \
	} while (0)

static void files(void)
{
	struct stat st;
	char byte = 0;
	int fd, null;

	KEPT(fd = open("/dev/zero", O_RDONLY));
	KEPT(null = openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC));
	KEPT(read(fd, &byte, 1));
	KEPT(pread(fd, &byte, 1, 0));
	KEPT(write(null, &byte, 1));
	KEPT(fcntl(fd, F_GETFL));
	KEPT(lseek(fd, 0, SEEK_SET));
	KEPT(fstat(fd, &st));
	KEPT(stat("/", &st));
	KEPT(lstat("/", &st));
	KEPT(access("/", F_OK));
	KEPT(close(fd));
	KEPT(close(null));
}

static void others(void)
{
	struct timespec now, nothing = { 0, 0 };
	int pair[2];
	char byte = 0;
	void *page;

	KEPT(pipe(pair));
	KEPT(write(pair[1], &byte, 1));
	KEPT(poll(&(struct pollfd){ .fd = pair[0], .events = POLLIN }, 1, 0));
	KEPT(close(pair[0]) + close(pair[1]));
	KEPT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	KEPT(send(pair[0], &byte, 1, 0));
	KEPT(recv(pair[1], &byte, 1, 0));
	KEPT(close(pair[0]) + close(pair[1]));
	KEPT((page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) ==
			     MAP_FAILED ? -1 : 0);
	KEPT(munmap(page, 4096));
	KEPT(getppid());
	KEPT(clock_gettime(CLOCK_MONOTONIC, &now));
	KEPT(nanosleep(&nothing, NULL));
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 500;

	for (int i = 0; i < times; i++) {
		files();
		others();
	}
	return passed();
}
