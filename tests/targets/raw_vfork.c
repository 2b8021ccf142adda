/* vfork by an instruction of the target's own, again in the child, and by clone and
 * clone3 with its flags: everyone comes back to where he made it, with his own mask of
 * signals. */
#include "inline.h"
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>

static unsigned long mask(void)
{
	unsigned long now = 0;

	CHECK(inline4(SYS_rt_sigprocmask, SIG_BLOCK, 0, &now, 8) == 0);
	return now;
}

static void block(int number)
{
	unsigned long set = 1ul << (number - 1);

	CHECK(inline4(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8) == 0);
}

static int in_child;

static void nested(void)
{
	long child = inline0(SYS_vfork);

	if (!child) {
		block(SIGUSR1);
		long grandchild = inline0(SYS_vfork);

		if (!grandchild) {
			block(SIGUSR2);
			inline1(SYS_exit_group, 3);
		}
		in_child += mask() == 1ul << (SIGUSR1 - 1);
		inline1(SYS_exit_group, grandchild > 0 ? 4 : 5);
	}
	CHECK(child > 0);
	printf("nested: %d, mask %lx\n", wait_for((pid_t)child), mask());
}

static void by_flags(void)
{
	struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK,
				   .exit_signal = SIGCHLD };
	long child = inline2(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0);

	if (!child)
		inline1(SYS_exit_group, 6);
	CHECK(child > 0);
	printf("clone: %d\n", wait_for((pid_t)child));
	child = inline2(SYS_clone3, &args, sizeof(args));
	if (!child)
		inline1(SYS_exit_group, 7);
	CHECK(child > 0);
	printf("clone3: %d\n", wait_for((pid_t)child));
}

static char *const args[] = { "true", NULL };

static void exec(const char *path)
{
	long child = inline0(SYS_vfork);

	if (!child) {
		long ret = inline3(SYS_execve, path, args, args + 1);

		inline1(SYS_exit_group, -ret);
	}
	CHECK(child > 0);
	printf("%s: %d\n", path, wait_for((pid_t)child));
}

int main(void)
{
	for (int i = 0; i < 20; i++) {
		nested();
		by_flags();
		exec("/bin/true");
		exec("/bin/no-such-file");
	}
	printf("children that found their own way back: %d\n", in_child);
	return passed();
}
