/* clone3 with CLONE_CLEAR_SIGHAND: every handler is gone in the child, what is ignored
 * is ignored; the child can make calls nevertheless. */
#include "inline.h"
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>

static void handler(int number)
{
	(void)number;
}

static int is(int number, void (*what)(int))
{
	struct sigaction now;

	CHECK(sigaction(number, NULL, &now) == 0);
	return now.sa_handler == what;
}

int main(void)
{
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND,
				   .exit_signal = SIGCHLD };
	struct sigaction action = { .sa_handler = handler };

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0 &&
	      sigaction(SIGSYS, &action, NULL) == 0);
	CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
	long pid = inline2(SYS_clone3, &args, sizeof(args));

	if (pid == -EINVAL)
		return cannot_run("no CLONE_CLEAR_SIGHAND");
	if (!pid)
		_exit(is(SIGUSR1, SIG_DFL) + 2 * is(SIGSYS, SIG_DFL) +
		      4 * is(SIGUSR2, SIG_IGN));
	CHECK(pid > 0);
	printf("child: %d\n", wait_for((pid_t)pid));
	printf("parent: %d %d\n", is(SIGUSR1, handler), is(SIGSYS, handler));
	return passed();
}
