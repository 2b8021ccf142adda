/* What makes descriptors, and has no path. */
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static int pair[2];

/* As two variables; a failure leaves them as they were. */
static long two(long ret, char first, char second)
{
	if (ret == 0) {
		keep(first, pair[0]);
		keep(second, pair[1]);
	}
	return ret;
}

WORD(dup) { return dup((int)a[0]); }
WORD(dup2) { return dup2((int)a[0], (int)a[1] + lowest); }
WORD(dup3) { return dup3((int)a[0], (int)a[1] + lowest, O_CLOEXEC); }
WORD(dupfd) { return fcntl((int)a[0], F_DUPFD, lowest + (int)a[1]); }
WORD(dupfd_cloexec) { return fcntl((int)a[0], F_DUPFD_CLOEXEC, lowest + (int)a[1]); }
WORD(nonblock) { return fcntl((int)a[0], F_SETFL, fcntl((int)a[0], F_GETFL) | O_NONBLOCK); }
WORD(pipe) { return two(pipe(pair), 'r', 'w'); }
WORD(pipe2) { return two(pipe2(pair, (int)a[0]), 'r', 'w'); }
WORD(socket) { return socket((int)a[0], (int)a[1], 0); }
WORD(socketpair) { return two(socketpair(AF_UNIX, (int)a[0], 0, pair), 's', 't'); }
WORD(epoll_create) { return epoll_create(1); }
WORD(epoll_create1) { return epoll_create1((int)a[0]); }
WORD(eventfd) { return eventfd(0, (int)a[0]); }
WORD(timerfd_create) { return timerfd_create(CLOCK_MONOTONIC, (int)a[0]); }
WORD(inotify_init) { return inotify_init(); }
WORD(inotify_init1) { return inotify_init1((int)a[0]); }
WORD(memfd_create) { return memfd_create("fidelity", (unsigned)a[0]); }
WORD(pidfd_open) { return syscall(SYS_pidfd_open, getpid(), 0); }
WORD(posix_openpt) { return posix_openpt(O_RDWR | O_NOCTTY); }

WORD(signalfd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return signalfd(-1, &set, (int)a[0]);
}

/* The name is free again at once. */
WORD(mq_open)
{
	char name[32];
	int queue, err;

	snprintf(name, sizeof(name), "/fidelity-%d", getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | (int)a[0], 0600,
			&(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = 8 });
	err = errno;
	mq_unlink(name);
	errno = err;
	return queue;
}

WORD(shm_open)
{
	char name[32];
	int fd, err;

	snprintf(name, sizeof(name), "/fidelity-%d", getpid());
	fd = shm_open(name, O_RDWR | O_CREAT, 0600);
	err = errno;
	shm_unlink(name);
	errno = err;
	return fd;
}

/* Every descriptor below the limit. */
WORD(use_up)
{
	int fd = 0, count = 0;

	while ((fd = dup(2)) >= 0)
		count++;
	return count;
}

#define WORDS_OF_DESCRIPTORS                                                        \
	{ "dup", do_dup, DESCRIPTOR }, { "dup2", do_dup2, DESCRIPTOR },             \
	{ "dup3", do_dup3, DESCRIPTOR }, { "dupfd", do_dupfd, DESCRIPTOR },         \
	{ "dupfd_cloexec", do_dupfd_cloexec, DESCRIPTOR },                          \
	{ "nonblock", do_nonblock, NUMBER }, { "pipe", do_pipe, TWO },              \
	{ "pipe2", do_pipe2, TWO }, { "socket", do_socket, DESCRIPTOR },            \
	{ "socketpair", do_socketpair, TWO },                                       \
	{ "epoll_create", do_epoll_create, DESCRIPTOR },                            \
	{ "epoll_create1", do_epoll_create1, DESCRIPTOR },                          \
	{ "eventfd", do_eventfd, DESCRIPTOR },                                      \
	{ "timerfd_create", do_timerfd_create, DESCRIPTOR },                        \
	{ "inotify_init", do_inotify_init, DESCRIPTOR },                            \
	{ "inotify_init1", do_inotify_init1, DESCRIPTOR },                          \
	{ "memfd_create", do_memfd_create, DESCRIPTOR },                            \
	{ "pidfd_open", do_pidfd_open, DESCRIPTOR },                                \
	{ "posix_openpt", do_posix_openpt, DESCRIPTOR },                            \
	{ "signalfd", do_signalfd, DESCRIPTOR }, { "mq_open", do_mq_open, DESCRIPTOR }, \
	{ "shm_open", do_shm_open, DESCRIPTOR }, { "use_up", do_use_up, NUMBER }
