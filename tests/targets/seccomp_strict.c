/* After strict seccomp only read, write and the exit syscall are allowed, anything else
 * is SIGKILL: nobody may add a syscall to the target's own. */
#include "target.h"
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int main(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char byte;

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
		return cannot_run("no seccomp");
	for (int i = 0; i < 1000; i++)
		if (read(fd, &byte, 1) != 1)
			syscall(SYS_exit, 1);
	if (write(1, "EXIT-SUCCESS\n", 13) != 13)
		syscall(SYS_exit, 1);
	syscall(SYS_exit, 0);
	return 1;
}
