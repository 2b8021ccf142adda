/* A handler, run argv[1] times (200), once a millisecond, makes a call of its own while
 * the main loop is in the middle of one: both must come out right, errno included. */
#include "target.h"
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t ticks;
static int null;

static void tick(int signo)
{
	int kept = errno;

	(void)signo;
	CHECK(write(null, "x", 1) == 1);
	ticks++;
	errno = kept;
}

int main(int argc, char **argv)
{
	int most = argc > 1 ? atoi(argv[1]) : 200;
	struct itimerval every_ms = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	struct sigaction act = { .sa_handler = tick, .sa_flags = SA_RESTART };
	int zero = open("/dev/zero", O_RDONLY);
	char bytes[32];

	null = open("/dev/null", O_WRONLY);
	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &every_ms, NULL) == 0);
	while (ticks < most) {
		CHECK(read(zero, bytes, sizeof(bytes)) == sizeof(bytes));
		CHECK(read(-1, bytes, 1) == -1 && errno == EBADF);
	}
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	return passed();
}
