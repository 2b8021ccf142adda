/* Calls whose arguments a hook looks at, each asked for by a word of the command line, with
 * what came of it. In a folder of its own, where it makes what it needs. */
#include "target.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

static char data[64];

static void show(const char *word, long ret)
{
	int error = errno;

	printf("%s: %ld%s%s\n", word, ret, ret < 0 ? " " : "",
	       ret < 0 ? strerrorname_np(error) : "");
}

static void file(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	show("write", write(fd, "0123456789", 10));
	n = pread(fd, data, sizeof(data), 0);
	show("pread", n);
	printf("data: %.*s\n", (int)(n > 0 ? n : 0), data);
	close(fd);
}

static void folder(void)
{
	int fd;

	mkdir("sub", 0700);
	fd = open("sub", O_RDONLY | O_DIRECTORY);
	show("openat", openat(fd, "../sub/./none", O_RDONLY));
	show("unlink", unlink("none"));
	CHECK(fchdir(fd) == 0);
	show("unlink", unlink("none"));
	show("rename", rename("a", "/b/c"));
	close(fd);
	CHECK(chdir("..") == 0);
}

static void address(void)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(7) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(8) };
	struct sockaddr_un unix_one = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	six.sin6_addr = in6addr_loopback;
	show("connect", connect(fd, (void *)&four, sizeof(four)));
	show("connect", connect(fd, (void *)&six, sizeof(six)));
	show("connect", connect(fd, (void *)&unix_one, sizeof(unix_one)));
	show("connect", connect(fd, (void *)8, sizeof(unix_one)));
	close(fd);
}

static sigjmp_buf back;

static void out(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

static void nothing(int number)
{
	(void)number;
}

/* A read that nobody answers: EINTR by one handler, left by another's jump. */
static void interrupted(void)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
	int ends[2];

	CHECK(pipe(ends) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
	setitimer(ITIMER_REAL, &often, NULL);
	show("read", read(ends[0], data, 1));
	action.sa_handler = out;
	if (!sigsetjmp(back, 1))
		CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	for (volatile int i = 0; i < 3; i++) {
		if (!sigsetjmp(back, 1))
			show("read", read(ends[0], data, 1));
		else
			printf("left\n");
	}
	setitimer(ITIMER_REAL, &never, NULL);
	CHECK(write(ends[1], "x", 1) == 1);
	show("read", read(ends[0], data, 1));
}

static void *reader(void *end)
{
	char byte;

	CHECK(read(*(int *)end, &byte, 1) == 1);
	return NULL;
}

/* Each waits for what the other's call gives. */
static void threads(void)
{
	pthread_t thread;
	int ends[2];

	CHECK(pipe(ends) == 0 && !pthread_create(&thread, NULL, reader, &ends[0]));
	usleep(20000);
	show("write", write(ends[1], "x", 1));
	CHECK(!pthread_join(thread, NULL));
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "file"))
			file();
		else if (!strcmp(argv[i], "folder"))
			folder();
		else if (!strcmp(argv[i], "address"))
			address();
		else if (!strcmp(argv[i], "interrupted"))
			interrupted();
		else if (!strcmp(argv[i], "threads"))
			threads();
	}
	return passed();
}
