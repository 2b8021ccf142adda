/* Processes and threads made by inline clone, clone3, fork and vfork, with and without
 * a stack of their own; what the child does and what it leaves behind. */
#include "raw.h"
#include <linux/sched.h>
#include <stdint.h>

static int told_by_child;
static int tid;

static void process(void)
{
	inline1(SYS_exit, inline0(SYS_getppid) > 0 ? 5 : 6);
}

static void thread(void)
{
	told_by_child += inline0(SYS_gettid) != inline0(SYS_getpid);
	for (int i = 0; i < 100; i++)
		inline0(SYS_getppid);
	inline1(SYS_exit, 0);
}

static void by_clone(void)
{
	char *at = raw_stack();
	long pid = raw_child(SYS_clone, SIGCHLD, (long)at + RAW_STACK, 0, 0, process);

	CHECK(pid > 0);
	printf("clone, own stack: %d\n", wait_for((pid_t)pid));
	pid = raw_child(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD,
			(long)at + RAW_STACK, 0, 0, process);
	CHECK(pid > 0);
	printf("clone, vfork on a stack: %d\n", wait_for((pid_t)pid));
	pid = raw_child(SYS_clone, SIGCHLD, 0, 0, 0, process);
	CHECK(pid > 0);
	printf("clone, no stack: %d\n", wait_for((pid_t)pid));
	CHECK(raw_thread(at, &tid, thread) > 0);
	raw_join(&tid);
	printf("clone, thread: %d\n", told_by_child);
}

static void by_clone3(void)
{
	char *at = raw_stack();
	struct clone_args args = { .exit_signal = SIGCHLD,
				   .stack = (uintptr_t)at,
				   .stack_size = RAW_STACK };
	long pid = raw_child(SYS_clone3, (long)&args, sizeof(args), 0, 0, process);

	CHECK(pid > 0);
	printf("clone3, own stack: %d\n", wait_for((pid_t)pid));
	args.stack = args.stack_size = 0;
	pid = raw_child(SYS_clone3, (long)&args, sizeof(args), 0, 0, process);
	CHECK(pid > 0);
	printf("clone3, no stack: %d\n", wait_for((pid_t)pid));
	args = (struct clone_args){ .flags = RAW_THREAD,
				    .parent_tid = (uintptr_t)&tid,
				    .child_tid = (uintptr_t)&tid,
				    .stack = (uintptr_t)at,
				    .stack_size = RAW_STACK };
	CHECK(raw_child(SYS_clone3, (long)&args, sizeof(args), 0, 0, thread) > 0);
	raw_join(&tid);
	printf("clone3, thread: %d\n", told_by_child);
}

static void by_fork(void)
{
	long pid = inline0(SYS_fork);

	if (!pid)
		process();
	CHECK(pid > 0);
	printf("fork: %d\n", wait_for((pid_t)pid));
}

int main(void)
{
	by_clone();
	by_clone3();
	by_fork();
	return passed();
}
