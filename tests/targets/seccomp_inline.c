/* A filter of the target's own that kills for all but a few: none of them is gettid,
 * getpid or prctl, and the target's calls are inline ones. Masks are still as it sets
 * them, full ones as well. */
#include "filter.h"

static struct sock_filter filter[] = {
	LOAD_NUMBER,
	ALLOW(SYS_read),
	ALLOW(SYS_write),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_rt_sigaction),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_tgkill),
	ALLOW(SYS_exit_group),
	ELSE(SECCOMP_RET_KILL_PROCESS),
};

static volatile sig_atomic_t came;

static void handler(int number)
{
	came += number == SIGUSR1;
}

int main(void)
{
	unsigned long full = ~0ul, none = 0, now = 0;
	int fd = open("/dev/zero", O_RDONLY), pid = getpid();
	struct sigaction action = { .sa_handler = handler };
	char byte;

	sigfillset(&action.sa_mask);
	if (!set_filter(filter, sizeof(filter)))
		return cannot_run("no seccomp filter");
	for (int i = 0; i < 1000; i++)
		CHECK(inline3(SYS_read, fd, &byte, 1) == 1);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(inline3(SYS_tgkill, pid, pid, SIGUSR1) == 0 && came == 1);
	CHECK(inline4(SYS_rt_sigprocmask, SIG_SETMASK, &full, 0, 8) == 0);
	CHECK(inline3(SYS_read, fd, &byte, 1) == 1);
	CHECK(inline4(SYS_rt_sigprocmask, SIG_SETMASK, &none, &now, 8) == 0);
	CHECK(now == (~0ul & ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1))));
	CHECK(inline3(SYS_read, fd, &byte, 1) == 1);
	CHECK(inline3(SYS_write, 1, "EXIT-SUCCESS\n", 13) == 13);
	inline1(SYS_exit_group, 0);
}
