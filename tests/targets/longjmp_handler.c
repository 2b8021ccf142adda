/* argv[1] times (2,000) a handler jumps out of the call it interrupted, which then never
 * returns. Ten getppid() at the end: they must still be seen. */
#include "target.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

static sigjmp_buf back;
static volatile sig_atomic_t jumps;

static void jump(int signo)
{
	(void)signo;
	jumps++;
	siglongjmp(back, 1);
}

static void read_and_write(int zero, int null)
{
	char bytes[4096];

	for (;;) {
		CHECK(read(zero, bytes, sizeof(bytes)) == sizeof(bytes));
		CHECK(write(null, bytes, sizeof(bytes)) == sizeof(bytes));
	}
}

int main(int argc, char **argv)
{
	int most = argc > 1 ? atoi(argv[1]) : 2000;
	struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { 0 };
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);

	CHECK(signal(SIGALRM, jump) != SIG_ERR);
	if (sigsetjmp(back, 1) == 0)
		CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	if (jumps < most)
		read_and_write(zero, null);
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(getppid() > 0);
	return passed();
}
