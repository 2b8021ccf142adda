/* A signal comes while a thread waits in a call: with SA_RESTART the call goes on where
 * signal(7) says so, without it ends with EINTR; and what it had done by then counts. */
#include "target.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

static volatile sig_atomic_t handled;
static int pair[2], sockets[2];
static const struct timespec soon = { 0, 40 * 1000 * 1000 };

static void handler(int signo)
{
	(void)signo;
	handled++;
	CHECK(getppid() > 0);
}

/* Interrupt the main thread, which waits in a call by then; later, when it is in the
 * call again or has left it, let it go by what it waits for. */
static pthread_t main_thread;
static pid_t main_tid;

/* In the kernel, and not for a lock: proc(5) says "running" or the syscall's number. */
static void wait_for_call(void)
{
	char path[64];
	int number = SYS_futex;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", main_tid);
	while (number == SYS_futex) {
		FILE *doing = fopen(path, "r");

		CHECK(doing);
		if (fscanf(doing, "%d", &number) != 1)
			number = SYS_futex;
		fclose(doing);
	}
}

static void *interrupt(void *arg)
{
	int before = handled;

	(void)arg;
	wait_for_call();
	CHECK(pthread_kill(main_thread, SIGUSR1) == 0);
	while (handled == before)
		sched_yield();
	nanosleep(&soon, NULL);
	CHECK(write(pair[1], "x", 1) == 1 && write(sockets[1], "x", 1) == 1);
	return NULL;
}

static long do_read(void)
{
	char byte;

	return read(pair[0], &byte, 1);
}

static long do_recv(void)
{
	char byte;

	return recv(sockets[0], &byte, 1, 0);
}

static long do_poll(void)
{
	return poll(&(struct pollfd){ .fd = pair[0], .events = POLLIN }, 1, -1);
}

static long do_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pair[0], &set);
	return select(pair[0] + 1, &set, NULL, NULL, NULL);
}

static long do_epoll(void)
{
	int set = epoll_create1(0), got, kept;
	struct epoll_event event = { .events = EPOLLIN };

	CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event) == 0);
	got = epoll_wait(set, &event, 1, -1);
	kept = errno;
	close(set);
	errno = kept;
	return got;
}

static long do_nanosleep(void)
{
	struct timespec wanted = { 60, 0 }, left = { 77, 0 };
	long got = nanosleep(&wanted, &left);

	CHECK(left.tv_sec <= wanted.tv_sec);
	return got;
}

static void try(const char *what, long (*call)(void), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };
	pthread_t thread;
	char byte;
	long got;

	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	handled = 0;
	CHECK(pthread_create(&thread, NULL, interrupt, NULL) == 0);
	errno = 0;
	got = call();
	printf("%s, %s: %ld %s, handled %d\n", what, flags ? "restarting" : "not",
	       got > 0 ? 1 : got, strerrorname_np(errno), handled);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
	while (read(pair[0], &byte, 1) == 1)
		;
	while (recv(sockets[0], &byte, 1, MSG_DONTWAIT) == 1)
		;
	CHECK(fcntl(pair[0], F_SETFL, 0) == 0);
}

static void handler_that_writes(int signo)
{
	(void)signo;
	CHECK(write(pair[1], "y", 1) == 1);
}

/* sigsuspend and ppoll let the signal in for the time of the call only. */
static void let_in(void)
{
	struct sigaction act = { .sa_handler = handler_that_writes };
	struct pollfd one = { .fd = pair[0], .events = POLLIN };
	sigset_t usr1, none;

	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	CHECK(sigemptyset(&none) == 0 && sigemptyset(&usr1) == 0);
	CHECK(sigaddset(&usr1, SIGUSR1) == 0);
	CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0 && raise(SIGUSR1) == 0);
	CHECK(poll(&one, 1, 0) == 0);
	report("ppoll", ppoll(&one, 1, NULL, &none));
	CHECK(poll(&one, 1, 0) == 1 && raise(SIGUSR1) == 0);
	report("sigsuspend", sigsuspend(&none));
	CHECK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL) == 0);
}

int main(void)
{
	static const struct { const char *name; long (*call)(void); } calls[] = {
		{ "read", do_read }, { "recv", do_recv }, { "poll", do_poll },
		{ "select", do_select }, { "epoll_wait", do_epoll },
		{ "nanosleep", do_nanosleep },
	};

	main_thread = pthread_self();
	main_tid = gettid();
	CHECK(pipe(pair) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		try(calls[i].name, calls[i].call, SA_RESTART);
		try(calls[i].name, calls[i].call, 0);
	}
	let_in();
	return passed();
}
