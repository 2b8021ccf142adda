/* A handler forks, every millisecond, whatever the main loop is in the middle of; the
 * child makes calls in the handler and leaves from there. */
#include "target.h"
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t forks;

/* Where a fork takes more than the millisecond, the next signal is there when the handler
 * returns, and the main loop never comes to count: so the handler counts. */
static void stop_when_enough(void)
{
	struct itimerval never = { 0 };

	if (++forks >= 30)
		CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

static void handle(int signo)
{
	int kept = errno;
	pid_t pid = fork();

	(void)signo;
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(close(open("/dev/zero", O_RDONLY)));
	CHECK(wait_for(pid) == 0);
	stop_when_enough();
	errno = kept;
}

int main(void)
{
	struct itimerval every_ms = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction act = { .sa_handler = handle, .sa_flags = SA_RESTART };

	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &every_ms, NULL) == 0);
	while (forks < 30)
		CHECK(close(open("/dev/zero", O_RDONLY)) == 0);
	return passed();
}
