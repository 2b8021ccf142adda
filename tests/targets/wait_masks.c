/* Calls that wait with a mask of their own: a signal that is blocked but in there comes
 * just then, and is blocked again behind it; also when the mask is full, or holds
 * SIGSYS. */
#include "inline.h"
#include <linux/aio_abi.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile sig_atomic_t got;

static void handler(int number)
{
	got += number == SIGUSR1;
}

static const struct timespec soon = { 0, 1000 * 1000 };
static int epoll_fd;

static int by_ppoll(const sigset_t *mask)
{
	return ppoll(NULL, 0, &soon, mask);
}

static int by_pselect(const sigset_t *mask)
{
	return pselect(0, NULL, NULL, NULL, &soon, mask);
}

static int by_epoll_pwait(const sigset_t *mask)
{
	struct epoll_event event;

	return epoll_pwait(epoll_fd, &event, 1, 1, mask);
}

static int by_epoll_pwait2(const sigset_t *mask)
{
	struct epoll_event event;

	return (int)syscall(SYS_epoll_pwait2, epoll_fd, &event, 1, &soon, mask, 8);
}

static int by_io_pgetevents(const sigset_t *mask)
{
	static aio_context_t context;
	struct {
		const sigset_t *set;
		size_t size;
	} with = { mask, 8 };
	struct io_event event;
	struct timespec timeout = soon;

	if (!context)
		CHECK(syscall(SYS_io_setup, 1, &context) == 0);
	return (int)syscall(SYS_io_pgetevents, context, 1, 1, &event, &timeout, &with);
}

/* No time is given: with the signal blocked it would wait for ever. */
static int by_sigsuspend(const sigset_t *mask)
{
	if (sigismember(mask, SIGUSR1))
		return 0;
	return sigsuspend(mask);
}

static const struct {
	const char *name;
	int (*wait)(const sigset_t *);
} ways[] = {
	{ "ppoll", by_ppoll },
	{ "pselect", by_pselect },
	{ "epoll_pwait", by_epoll_pwait },
	{ "epoll_pwait2", by_epoll_pwait2 },
	{ "io_pgetevents", by_io_pgetevents },
	{ "sigsuspend", by_sigsuspend },
};

static void try(unsigned int way, const char *what, const sigset_t *mask)
{
	sigset_t pending, now;
	int ret;

	got = 0;
	CHECK(raise(SIGUSR1) == 0);
	errno = 0;
	ret = ways[way].wait(mask);
	printf("%s, %s: %d %s, came %d", ways[way].name, what, ret,
	       strerrorname_np(errno), (int)got);
	CHECK(sigpending(&pending) == 0 && sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	printf(", pending %d, blocked %d %d\n", sigismember(&pending, SIGUSR1),
	       sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
	CHECK(sigfillset(&now) == 0 && sigdelset(&now, SIGUSR1) == 0);
	if (!got)
		CHECK(sigsuspend(&now) == -1);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler };
	sigset_t mine, empty, full, but_one, sigsys;

	CHECK((epoll_fd = epoll_create1(0)) >= 0 &&
	      sigaction(SIGUSR1, &action, NULL) == 0);
	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &mine, NULL) == 0);
	sigemptyset(&empty);
	sigemptyset(&sigsys);
	sigaddset(&sigsys, SIGSYS);
	sigfillset(&full);
	sigfillset(&but_one);
	sigdelset(&but_one, SIGUSR1);
	for (unsigned int way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
		try(way, "empty", &empty);
		try(way, "SIGSYS", &sigsys);
		try(way, "full", &full);
		try(way, "all but it", &but_one);
	}
	return passed();
}
