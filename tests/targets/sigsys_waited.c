/* SIGSYS blocked and waited for. */
#include "target.h"
#include <signal.h>
#include <time.h>

static void waited(void)
{
	sigset_t set;
	siginfo_t info;
	int number = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGSYS) == 0);
	CHECK(sigwait(&set, &number) == 0);
	printf("waited for %s\n", sigabbrev_np(number));
	CHECK(sigqueue(getpid(), SIGSYS, (union sigval){ 8 }) == 0);
	CHECK(sigtimedwait(&set, &info, &(struct timespec){ 5, 0 }) == SIGSYS);
	printf("waited for code %d, value %d\n", info.si_code, info.si_value.sival_int);
	CHECK(sigtimedwait(&set, &info, &(struct timespec){ 0, 1000 }) == -1 &&
	      errno == EAGAIN);
	CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
}

int main(void)
{
	waited();
	return passed();
}
