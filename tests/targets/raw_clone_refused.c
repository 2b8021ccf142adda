/* What clone and clone3 refuse, they refuse with an errno. */
#include "inline.h"
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>

int main(void)
{
	struct clone_args args = { .flags = CLONE_THREAD };
	struct clone_args large[8] = { { .exit_signal = SIGCHLD } };

	told("clone: a thread without its memory", inline2(SYS_clone, CLONE_THREAD, 0));
	told("clone3: the same", inline2(SYS_clone3, &args, sizeof(args)));
	told("clone3: nothing", inline2(SYS_clone3, 0, sizeof(args)));
	told("clone3: where nothing is", inline2(SYS_clone3, 8, sizeof(args)));
	told("clone3: above all memory", inline2(SYS_clone3, -4096, sizeof(args)));
	told("clone3: too small", inline2(SYS_clone3, &args, 8));
	told("clone3: of size 0", inline2(SYS_clone3, 0, 0));
	large[7].flags = 1;
	told("clone3: with more than there is",
	     inline2(SYS_clone3, large, sizeof(large)));
	args = (struct clone_args){ .stack = 4096 };
	told("clone3: a stack of size 0", inline2(SYS_clone3, &args, sizeof(args)));
	args = (struct clone_args){ .stack_size = 4096 };
	told("clone3: no stack of some size", inline2(SYS_clone3, &args, sizeof(args)));
	return passed();
}
