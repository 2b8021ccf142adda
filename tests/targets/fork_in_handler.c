/* A handler forks, every millisecond, whatever the main loop is in the middle of; the
 * child makes calls in the handler and leaves from there. */
#include "target.h"
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t forks;

static void handle(int signo)
{
	int kept = errno;
	pid_t pid = fork();

	(void)signo;
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(close(open("/dev/zero", O_RDONLY)));
	CHECK(wait_for(pid) == 0);
	forks++;
	errno = kept;
}

int main(void)
{
	struct itimerval every_ms = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	struct sigaction act = { .sa_handler = handle, .sa_flags = SA_RESTART };

	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &every_ms, NULL) == 0);
	while (forks < 30)
		CHECK(close(open("/dev/zero", O_RDONLY)) == 0);
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	return passed();
}
