/* argv[1] times (100) a handler jumps out of whatever the first thread is in the middle
 * of, while three others make calls: they must go on with it. */
#include "in_calls.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile sig_atomic_t jumps;

static void jump(int signo)
{
	(void)signo;
	jumps++;
	siglongjmp(back, 1);
}

/* A jump out of open or close may keep a descriptor, so there are none. */
static void endless(int zero)
{
	char bytes[64];

	for (;;) {
		CHECK(read(zero, bytes, sizeof(bytes)) == sizeof(bytes));
		CHECK(access("/no/such", F_OK) == -1 && getppid() > 0);
	}
}

int main(int argc, char **argv)
{
	int most = argc > 1 ? atoi(argv[1]) : 100;
	int zero = open("/dev/zero", O_RDONLY);

	CHECK(signal(SIGALRM, jump) != SIG_ERR);
	start_calls();
	if (sigsetjmp(back, 1) == 0)
		alarm_each(200);
	if (jumps < most)
		endless(zero);
	alarm_each(0);
	check_they_go_on();
	some_calls();
	end_calls();
	return passed();
}
