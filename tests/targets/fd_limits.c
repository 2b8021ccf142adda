/* What a program meets that has used up its descriptors. `fd_limits real 12 1`: the limit
 * is RLIMIT_NOFILE; `virtual`: somebody else's; one number below it is left free. */
#include "target.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static int limit, spare, files, listener, pair[2];

/* What it gave out goes again, and by its number it is told. */
static void fd(const char *what, long got)
{
	if (got < 0) {
		printf("%s: %s\n", what, strerrorname_np(errno));
		return;
	}
	printf("%s: %ld\n", what, got);
	CHECK(!close((int)got));
}

static void two(const char *what, long ret, const int fds[2])
{
	report(what, ret);
	if (!ret) {
		close(fds[0]);
		close(fds[1]);
	}
}

static void fill(void)
{
	int last = 0;

	while (last >= 0 && last < limit - 1)
		last = open("/dev/null", O_RDONLY);
	for (int i = 0; i < spare; i++)
		close(limit - 1 - i);
}

static void prepare(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	CHECK((files = open("kept", O_CREAT | O_RDWR, 0600)) >= 0);
	CHECK((listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
	CHECK(!bind(listener, (void *)&any, sizeof(any)) && !listen(listener, 4));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static void opens(void)
{
	FILE *file;
	DIR *dir;

	fd("open", open("made", O_CREAT | O_WRONLY, 0600));
	printf("made: %d\n", access("made", F_OK));
	unlink("made");
	fd("open missing", open("missing", O_RDONLY));
	fd("open empty", open("", O_RDONLY));
	fd("open bad", open((char *)8, O_RDONLY));
	fd("openat", openat(AT_FDCWD, "kept", O_RDONLY));
	fd("creat", creat("made", 0600));
	unlink("made");
	fd("syscall", syscall(SYS_open, "kept", O_RDONLY));
	printf("fopen: %s\n", (file = fopen("kept", "r")) ? "ok" : strerrorname_np(errno));
	if (file)
		fclose(file);
	printf("opendir: %s\n", (dir = opendir(".")) ? "ok" : strerrorname_np(errno));
	if (dir)
		closedir(dir);
	char name[] = "nameXXXXXX";
	int got = mkstemp(name);

	report("mkstemp", got);
	printf("its name: %d\n", access(name, F_OK));
	if (got >= 0) {
		close(got);
		unlink(name);
	}
}

static void copies(void)
{
	fd("dup", dup(files));
	fd("dup of none", dup(1 << 20));
	printf("dup2 onto itself: %d\n", dup2(files, files) == files ? 0 : errno);
	fd("dup2 at the limit", dup2(files, limit));
	fd("dup2 of none at the limit", dup2(1 << 20, limit));
	fd("dup2 below none", dup2(files, -1));
	fd("dup3 at the limit", dup3(files, limit, O_CLOEXEC));
	fd("dup3 onto itself", dup3(files, files, 0));
	fd("dup3 with bad flags", dup3(files, limit, 1));
	fd("F_DUPFD", fcntl(files, F_DUPFD, 0));
	fd("F_DUPFD last", fcntl(files, F_DUPFD, limit - 1));
	fd("F_DUPFD at the limit", fcntl(files, F_DUPFD, limit));
	fd("F_DUPFD_CLOEXEC", fcntl(files, F_DUPFD_CLOEXEC, 3));
	fd("F_DUPFD below none", fcntl(files, F_DUPFD, -1));
	fd("F_DUPFD of none", fcntl(1 << 20, F_DUPFD, limit));
	printf("F_GETFD: %d\n", fcntl(files, F_GETFD));
	/* Onto one that is open, whatever is free. */
	printf("dup2 below: %d\n", dup2(files, pair[1]) == pair[1] ? 0 : errno);
}

static void makes(void)
{
	sigset_t none;
	int fds[2];

	sigemptyset(&none);
	two("pipe", pipe(fds), fds);
	two("pipe2", pipe2(fds, O_CLOEXEC), fds);
	two("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, fds), fds);
	fd("socket", socket(AF_INET, SOCK_STREAM, 0));
	fd("socket of no family", socket(9999, SOCK_STREAM, 0));
	fd("accept", accept(listener, NULL, NULL));
	fd("accept of a file", accept(files, NULL, NULL));
	fd("accept of none", accept(1 << 20, NULL, NULL));
	fd("accept4", accept4(listener, NULL, NULL, 0));
	fd("epoll_create1", epoll_create1(0));
	fd("eventfd", eventfd(0, 0));
	fd("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
	fd("signalfd", signalfd(-1, &none, 0));
	fd("inotify", inotify_init1(0));
	fd("memfd", memfd_create("memory", 0));
}

/* For another reason than that there is no number left. */
static void refused(void)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = 1 << 20 };
	volatile int none = 0;
	sigset_t signals;
	int fds[2];

	sigemptyset(&signals);
	fd("open with bad flags", open(".", O_DIRECTORY | O_CREAT, 0600));
	fd("open nothing to write", open(".", __O_TMPFILE, 0600));
	fd("openat2", syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how)));
	fd("openat2 of a bad size", syscall(SYS_openat2, AT_FDCWD, ".", &how, 3));
	fd("openat2 of nothing", syscall(SYS_openat2, AT_FDCWD, ".", NULL, sizeof(how)));
	how.resolve = 0;
	fd("openat2 as it should", syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how)));
	fd("epoll_create of none", epoll_create(none));
	fd("epoll_create1", epoll_create1(1));
	fd("eventfd", eventfd(0, 2));
	fd("eventfd of a kind", eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC));
	fd("timerfd of no clock", timerfd_create(99, 0));
	fd("inotify", inotify_init1(1));
	fd("memfd", memfd_create("memory", 0x1000));
	fd("memfd of a bad name", memfd_create((char *)8, 0));
	fd("signalfd", signalfd(-1, &signals, 1));
	fd("signalfd of a bad set", syscall(SYS_signalfd4, -1, (void *)8, 8, 0));
	fd("pidfd of nobody", syscall(SYS_pidfd_open, 1 << 22, 0));
	fd("pidfd", syscall(SYS_pidfd_open, getpid(), 0));
	fd("socket of no type", socket(AF_INET, 99, 0));
	fd("accept4", accept4(listener, NULL, NULL, 1));
	two("pipe2", pipe2(fds, 1), fds);
	two("pipe2 of packets", pipe2(fds, O_DIRECT | O_NONBLOCK), fds);
	two("socketpair", socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, fds), fds);
	two("socketpair of a kind", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds),
	    fds);
}

static void connects(void)
{
	struct sockaddr_in there;
	socklen_t size = sizeof(there);
	int end = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(end >= 0 && !getsockname(listener, (void *)&there, &size));
	CHECK(!connect(end, (void *)&there, size));
	fill();
	fd("accept one that waits", accept(listener, NULL, NULL));
	close(limit - 1);
	fd("accept it now", accept(listener, NULL, NULL));
}

/* Five are sent; how many come is told, and the credentials before them. */
static void receive(int ends[2], int control_room)
{
	char control[512], byte = 'x';
	struct iovec piece = { &byte, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *header = (void *)control;
	int *fds = (int *)(void *)CMSG_DATA(header);

	message.msg_controllen = CMSG_SPACE(5 * sizeof(int));
	*header = (struct cmsghdr){ CMSG_LEN(5 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	for (int i = 0; i < 5; i++)
		fds[i] = files;
	CHECK(sendmsg(ends[0], &message, 0) == 1);
	message.msg_controllen = (size_t)control_room;
	printf("recvmsg: %zd", recvmsg(ends[1], &message, 0));
	printf(" flags %x, %zu bytes:", (unsigned)message.msg_flags, message.msg_controllen);
	for (header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		int n = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		printf(" type %d", header->cmsg_type);
		fds = (int *)(void *)CMSG_DATA(header);
		for (int i = 0; header->cmsg_type == SCM_RIGHTS && i < n; i++) {
			printf(" %d", fds[i]);
			close(fds[i]);
		}
	}
	puts("");
}

static void receives(void)
{
	int ends[2], on = 1;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends) && ends[1] < limit - 4);
	for (int with = 0; with < 2; with++) {
		for (int room = 0; room < 4; room++) {
			fill();
			for (int i = 0; i < room; i++)
				close(limit - 1 - i);
			receive(ends, 256);
		}
		receive(ends, (int)CMSG_SPACE(sizeof(int)));
		receive(ends, 0);
		CHECK(!setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	}
}

static void *again(void *ended)
{
	while (!__atomic_load_n((int *)ended, __ATOMIC_RELAXED)) {
		int got = dup(files);

		if (got >= 0)
			close(got);
	}
	return NULL;
}

/* Nothing that is tried disturbs the locks the process holds. */
static void keeps_locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int ended = 0, status;
	pthread_t thread;

	CHECK(!fcntl(files, F_SETLK, &lock));
	fd("dup of what is locked", dup(files));
	CHECK(!pthread_create(&thread, NULL, again, &ended));
	if (!fork()) {
		lock.l_type = F_WRLCK;
		_exit(fcntl(files, F_SETLK, &lock) == -1 ? 0 : 1);
	}
	CHECK(wait(&status) > 0);
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
	CHECK(!pthread_join(thread, NULL));
	printf("locked: %d\n", status);
}

int main(int argc, char **argv)
{
	CHECK(argc == 4);
	limit = atoi(argv[2]);
	spare = atoi(argv[3]);
	closefrom(3);
	prepare();
	if (!strcmp(argv[1], "real")) {
		struct rlimit both;

		CHECK(!getrlimit(RLIMIT_NOFILE, &both));
		both.rlim_cur = (rlim_t)limit;
		CHECK(!setrlimit(RLIMIT_NOFILE, &both));
	}
	fill();
	opens();
	makes();
	refused();
	copies();
	if (spare)
		return passed();
	keeps_locks();
	for (int i = 1; i <= 3; i++)
		close(limit - i);
	connects();
	for (int i = 1; i <= 6; i++)
		close(limit - i);
	receives();
	return passed();
}
