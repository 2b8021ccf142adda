/* Calls that wait: for a descriptor, for time, for a lock, for a signal. */
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>

static struct pollfd polled;
static fd_set reads;

/* What poll left there: the events that are, or none. */
WORD(poll)
{
	polled = (struct pollfd){ (int)a[0], POLLIN, 0 };
	return poll(&polled, 1, (int)a[1]);
}

WORD(ppoll)
{
	struct timespec most = { a[1] / 1000, a[1] % 1000 * 1000000 };

	polled = (struct pollfd){ (int)a[0], POLLIN, 0 };
	return ppoll(&polled, 1, a[1] < 0 ? NULL : &most, NULL);
}

WORD(revents) { return polled.revents; }

static void begin_set(long fd)
{
	FD_ZERO(&reads);
	FD_SET((int)fd, &reads);
}

WORD(select)
{
	struct timeval most = { a[1] / 1000, a[1] % 1000 * 1000 };

	begin_set(a[0]);
	return select((int)a[0] + 1, &reads, NULL, NULL, a[1] < 0 ? NULL : &most);
}

WORD(pselect)
{
	struct timespec most = { a[1] / 1000, a[1] % 1000 * 1000000 };

	begin_set(a[0]);
	return pselect((int)a[0] + 1, &reads, NULL, NULL, a[1] < 0 ? NULL : &most, NULL);
}

WORD(is_set) { return !!FD_ISSET((int)a[0], &reads); }

WORD(epoll_add)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl((int)a[0], EPOLL_CTL_ADD, (int)a[1], &event);
}

WORD(epoll_wait) { return epoll_wait((int)a[0], &(struct epoll_event){ 0 }, 1, (int)a[1]); }
WORD(epoll_pwait) { return epoll_pwait((int)a[0], &(struct epoll_event){ 0 }, 1, (int)a[1], NULL); }

static struct timespec left;

/* In milliseconds; what is left of them, in the next line's. */
WORD(nanosleep)
{
	struct timespec wanted = { a[0] / 1000, a[0] % 1000 * 1000000 };

	left = (struct timespec){ -1, -1 };
	return nanosleep(&wanted, &left);
}

WORD(clock_nanosleep)
{
	struct timespec wanted = { a[0] / 1000, a[0] % 1000 * 1000000 };

	left = (struct timespec){ -1, -1 };
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, &left);
}

/* Until a time by the clock: what is left is never told. */
WORD(clock_nanosleep_until)
{
	struct timespec when;

	clock_gettime(CLOCK_MONOTONIC, &when);
	when.tv_sec += a[0] / 1000;
	left = (struct timespec){ -1, -1 };
	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, &left);
}

/* 1: told, and no more than was wanted, in seconds; -2: not told. */
WORD(rest) { return left.tv_nsec < 0 ? -2 : left.tv_sec <= a[0]; }
WORD(usleep) { return usleep((useconds_t)a[0]); }
WORD(sleep) { return sleep((unsigned)a[0]) > 0; }
WORD(pause) { return pause(); }

/* All that are not told of here come in. */
static const sigset_t *only(long signo)
{
	static sigset_t set;

	sigemptyset(&set);
	if (signo)
		sigaddset(&set, (int)signo);
	return &set;
}

WORD(sigsuspend) { return sigsuspend(only(0)); }
WORD(sigwaitinfo) { return sigwaitinfo(only(a[0]), NULL); }

WORD(sigtimedwait)
{
	struct timespec most = { a[1] / 1000, a[1] % 1000 * 1000000 };

	return sigtimedwait(only(a[0]), NULL, &most);
}

WORD(flock) { return flock((int)a[0], (int)a[1]); }
WORD(lockf) { return lockf((int)a[0], (int)a[1], 0); }

static long lock(const long *a, int how)
{
	struct flock whole = { .l_type = a[1] ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	return fcntl((int)a[0], how, &whole);
}

WORD(setlk) { return lock(a, F_SETLK); }
WORD(setlkw) { return lock(a, F_SETLKW); }
WORD(ofd_setlk) { return lock(a, F_OFD_SETLK); }
WORD(ofd_setlkw) { return lock(a, F_OFD_SETLKW); }

/* On the number of words, which nobody changes meanwhile, or on another. */
WORD(futex)
{
	struct timespec most = { 0, a[0] };

	return syscall(SYS_futex, &shared->word, FUTEX_WAIT, shared->word + (int)a[1],
		       a[0] ? &most : NULL, NULL, 0);
}

#define WORDS_OF_WAITS                                                              \
	{ "poll", do_poll, NUMBER }, { "ppoll", do_ppoll, NUMBER },                 \
	{ "revents", do_revents, NUMBER }, { "select", do_select, NUMBER },         \
	{ "pselect", do_pselect, NUMBER }, { "is_set", do_is_set, NUMBER },         \
	{ "epoll_add", do_epoll_add, NUMBER },                                      \
	{ "epoll_wait", do_epoll_wait, NUMBER },                                    \
	{ "epoll_pwait", do_epoll_pwait, NUMBER },                                  \
	{ "nanosleep", do_nanosleep, NUMBER },                                      \
	{ "clock_nanosleep", do_clock_nanosleep, ERRNO },                           \
	{ "clock_nanosleep_until", do_clock_nanosleep_until, ERRNO },               \
	{ "rest", do_rest, NUMBER }, { "usleep", do_usleep, NUMBER },               \
	{ "sleep", do_sleep, NUMBER }, { "pause", do_pause, NUMBER },               \
	{ "sigsuspend", do_sigsuspend, NUMBER },                                    \
	{ "sigwaitinfo", do_sigwaitinfo, NUMBER },                                  \
	{ "sigtimedwait", do_sigtimedwait, NUMBER }, { "flock", do_flock, NUMBER }, \
	{ "lockf", do_lockf, NUMBER }, { "setlk", do_setlk, NUMBER },               \
	{ "setlkw", do_setlkw, NUMBER }, { "ofd_setlk", do_ofd_setlk, NUMBER },     \
	{ "ofd_setlkw", do_ofd_setlkw, NUMBER }, { "futex", do_futex, NUMBER }
