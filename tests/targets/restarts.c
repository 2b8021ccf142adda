/* What a handler does to a syscall it interrupts: restarted with SA_RESTART, EINTR
 * without; a sleep goes on after STOP and CONT for the time that was left. All by
 * inline syscalls, and by libc's. */
#include "inline.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/poll.h>
#include <sys/time.h>
#include <time.h>

static int pair[2];
static volatile sig_atomic_t came;
static int writes;

static void handler(int number)
{
	(void)number;
	came++;
	if (writes && came == 3)
		CHECK(inline3(SYS_write, pair[1], "x", 1) == 1);
}

/* A signal each millisecond, until the third has come. */
static void every_ms(int on)
{
	struct itimerval timer = { { 0, on ? 1000 : 0 }, { 0, on ? 1000 : 0 } };

	came = 0;
	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void handle(int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
}

static void reads(const char *what, int flags, int inlined)
{
	char byte = 0;
	long ret;

	handle(flags);
	writes = !!(flags & SA_RESTART);
	every_ms(1);
	if (inlined)
		ret = inline3(SYS_read, pair[0], &byte, 1);
	else
		ret = read(pair[0], &byte, 1) < 0 ? -errno : 1;
	every_ms(0);
	printf("%s, %s", what, inlined ? "inline " : "");
	told("read", ret);
}

/* poll(2) is never restarted; nanosleep(2) neither, it says what is left. */
static void waits(int inlined)
{
	struct timespec long_time = { 100, 0 }, left = { 0, 0 };
	struct pollfd fds = { .fd = pair[0], .events = POLLIN };
	long ret;

	handle(SA_RESTART);
	writes = 0;
	every_ms(1);
	ret = inlined			  ? inline3(SYS_poll, &fds, 1, 100000)
	      : poll(&fds, 1, 100000) < 0 ? -errno
					  : 0;
	every_ms(0);
	told("poll", ret);
	every_ms(1);
	ret = inlined ? inline2(SYS_nanosleep, &long_time, &left)
	      : nanosleep(&long_time, &left) < 0 ? -errno
						 : 0;
	every_ms(0);
	told("nanosleep", ret);
	printf("left: %d\n", left.tv_sec >= 90 && left.tv_sec < 100);
}

static void sleep_child(struct timespec *slept, int inlined)
{
	struct timespec time = { 0, 300 * 1000 * 1000 }, from, to;
	long ret;

	CHECK(write(pair[1], "x", 1) == 1 &&
	      clock_gettime(CLOCK_MONOTONIC, &from) == 0);
	ret = inlined ? inline2(SYS_nanosleep, &time, &time) : nanosleep(&time, &time);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &to) == 0);
	slept->tv_nsec =
		(to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
	_exit((int)-ret);
}

static void stopped(int inlined)
{
	struct timespec *slept = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec moment = { 0, 20 * 1000 * 1000 };
	char byte;
	pid_t pid = fork();

	CHECK(slept != MAP_FAILED && pid >= 0);
	if (!pid)
		sleep_child(slept, inlined);
	CHECK(read(pair[0], &byte, 1) == 1);
	for (int i = 0; i < 3; i++) {
		CHECK(nanosleep(&moment, NULL) == 0 && kill(pid, SIGSTOP) == 0);
		CHECK(waitpid(pid, &(int){ 0 }, WUNTRACED) == pid &&
		      kill(pid, SIGCONT) == 0);
	}
	printf("stopped: %d", wait_for(pid));
	printf(", slept to its end: %d\n", slept->tv_nsec >= 300 * 1000 * 1000);
}

int main(void)
{
	CHECK(pipe(pair) == 0);
	for (int inlined = 0; inlined < 2; inlined++) {
		reads("restart", SA_RESTART, inlined);
		reads("no restart", 0, inlined);
		waits(inlined);
		stopped(inlined);
	}
	return passed();
}
