/* A filter of the target's own that allows read, write, exit_group and rt_sigreturn
 * and kills for the rest: nobody may add a syscall. */
#include "target.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ALLOW(nr)                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),   \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(SYS_read),
	ALLOW(SYS_write),
	ALLOW(SYS_exit_group),
	ALLOW(SYS_rt_sigreturn),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

int main(void)
{
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };
	int fd = open("/dev/zero", O_RDONLY);
	char byte;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return cannot_run("no seccomp filter");
	for (int i = 0; i < 1000; i++)
		if (read(fd, &byte, 1) != 1)
			_exit(1);
	if (write(1, "EXIT-SUCCESS\n", 13) != 13)
		_exit(1);
	_exit(0);
}
