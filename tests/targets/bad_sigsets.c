/* Sets, actions and stacks that can't be read or written, and sizes that are wrong:
 * EFAULT and EINVAL, as the kernel says, for SIGSYS as for other signals; and nothing
 * has changed behind it. */
#include "inline.h"
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

/* As the kernel has it. */
struct action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

static char *read_only;
static const long nowhere[] = { 1, 8, 4095, -4096, -1 };

static unsigned long mask(void)
{
	unsigned long now = 0;

	CHECK(inline4(SYS_rt_sigprocmask, SIG_BLOCK, 0, &now, 8) == 0);
	return now;
}

static void masks(void)
{
	unsigned long set = 1ul << (SIGUSR1 - 1) | 1ul << (SIGSYS - 1), old;

	for (int i = 0; i < 5; i++) {
		told("set nowhere",
		     inline4(SYS_rt_sigprocmask, SIG_BLOCK, nowhere[i], 0, 8));
		told("old nowhere",
		     inline4(SYS_rt_sigprocmask, SIG_BLOCK, 0, nowhere[i], 8));
		told("suspend nowhere", inline2(SYS_rt_sigsuspend, nowhere[i], 8));
		told("pending nowhere", inline2(SYS_rt_sigpending, nowhere[i], 8));
		told("poll nowhere", inline6(SYS_ppoll, 0, 0, 0, nowhere[i], 8, 0));
		told("epoll nowhere",
		     inline6(SYS_epoll_pwait, -1, (long)&old, 1, 0, nowhere[i], 8));
		told("select nowhere",
		     inline6(SYS_pselect6, 0, 0, 0, 0, 0, nowhere[i]));
	}
	told("bad size", inline4(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 4));
	told("bad size", inline4(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 16));
	told("bad size", inline2(SYS_rt_sigsuspend, &set, 16));
	told("bad size", inline2(SYS_rt_sigpending, &set, 16));
	told("bad size", inline6(SYS_ppoll, 0, 0, 0, (long)&set, 4, 0));
	told("bad how", inline4(SYS_rt_sigprocmask, 17, &set, 0, 8));
	printf("mask %lx\n", mask());
	/* The mask is changed before the old one can't be told. */
	told("old read-only",
	     inline4(SYS_rt_sigprocmask, SIG_BLOCK, &set, read_only, 8));
	printf("mask %lx\n", mask());
	told("unblock", inline4(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8));
	printf("mask %lx\n", mask());
}

static void handler(int number)
{
	(void)number;
}

static void actions_of(const char *name, int number)
{
	struct action new = { .handler = handler, .flags = 0x04000000, .mask = ~0ul },
		      back;

	printf("%s\n", name);
	for (int i = 0; i < 5; i++) {
		told("new nowhere",
		     inline4(SYS_rt_sigaction, number, nowhere[i], 0, 8));
		told("old nowhere",
		     inline4(SYS_rt_sigaction, number, 0, nowhere[i], 8));
	}
	told("bad size", inline4(SYS_rt_sigaction, number, &new, 0, 4));
	told("bad size", inline4(SYS_rt_sigaction, number, 0, &back, 16));
	told("asked", inline4(SYS_rt_sigaction, number, 0, &back, 8));
	printf("still default: %d\n", back.handler == SIG_DFL);
	/* As for masks: it is changed by then. */
	told("old read-only", inline4(SYS_rt_sigaction, number, &new, read_only, 8));
	told("asked", inline4(SYS_rt_sigaction, number, 0, &back, 8));
	printf("changed: %d, mask %lx\n", back.handler == handler, back.mask);
	told("new read-only", inline4(SYS_rt_sigaction, number, read_only, &back, 8));
	printf("before: %d, mask %lx\n", back.handler == handler, back.mask);
	told("asked", inline4(SYS_rt_sigaction, number, 0, &back, 8));
	printf("default again: %d\n", back.handler == SIG_DFL);
	told("the same place", inline4(SYS_rt_sigaction, number, &new, &new, 8));
	printf("was default: %d\n", new.handler == SIG_DFL);
}

static void stacks(void)
{
	stack_t now;

	for (int i = 0; i < 5; i++) {
		told("stack nowhere", inline2(SYS_sigaltstack, nowhere[i], 0));
		told("old stack nowhere", inline2(SYS_sigaltstack, 0, nowhere[i]));
	}
	told("old stack read-only", inline2(SYS_sigaltstack, 0, read_only));
	told("stack", inline2(SYS_sigaltstack, 0, &now));
	printf("size %zu, flags %d\n", now.ss_size, now.ss_flags);
}

int main(void)
{
	read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(read_only != MAP_FAILED);
	masks();
	actions_of("SIGUSR1", SIGUSR1);
	actions_of("SIGSYS", SIGSYS);
	told("no such signal", inline4(SYS_rt_sigaction, 65, read_only, 0, 8));
	told("SIGKILL", inline4(SYS_rt_sigaction, SIGKILL, read_only, 0, 8));
	stacks();
	return passed();
}
