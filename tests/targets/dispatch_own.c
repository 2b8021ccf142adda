/* The target dispatches its syscalls itself, prctl(2) PR_SET_SYSCALL_USER_DISPATCH: its
 * own SIGSYS handler gets them, as long as its selector says so. */
#include "inline.h"
#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>

enum { DISPATCH = 59, OFF = 0, ON = 1, DISPATCHED = 2 };

static volatile char selector;
static volatile sig_atomic_t came, number;

static void handler(int signal, siginfo_t *info, void *context)
{
	selector = 0;
	came += signal == SIGSYS && info->si_code == DISPATCHED;
	number = info->si_syscall;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	long ret;

	told("no such mode", inline6(SYS_prctl, DISPATCH, 7, 0, 0, 0, 0));
	told("off", inline6(SYS_prctl, DISPATCH, OFF, 0, 0, 0, 0));
	told("off, with a range", inline6(SYS_prctl, DISPATCH, OFF, 1, 2, 0, 0));
	CHECK(sigaction(SIGSYS, &action, NULL) == 0);
	ret = inline6(SYS_prctl, DISPATCH, ON, 0, 0, (long)&selector, 0);
	if (ret == -EINVAL)
		return cannot_run("no dispatch");
	told("on", ret);
	CHECK(inline0(SYS_getppid) == getppid());
	for (int i = 0; i < 3; i++) {
		selector = 1;
		told("dispatched", inline0(SYS_getppid));
	}
	told("off", inline6(SYS_prctl, DISPATCH, OFF, 0, 0, 0, 0));
	selector = 1;
	CHECK(inline0(SYS_getppid) == getppid());
	printf("came %d, number %d\n", (int)came, (int)number);
	return passed();
}
