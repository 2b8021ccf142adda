/* Strict seccomp, by inline syscalls: only read, write, exit and the return from a
 * handler are left. */
#include "inline.h"
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>

int main(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char byte;

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
		return cannot_run("no seccomp");
	for (int i = 0; i < 1000; i++)
		if (inline3(SYS_read, fd, &byte, 1) != 1)
			inline1(SYS_exit, 1);
	if (inline3(SYS_write, 1, "EXIT-SUCCESS\n", 13) != 13)
		inline1(SYS_exit, 1);
	inline1(SYS_exit, 0);
}
