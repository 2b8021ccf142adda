/* `refuses_prctl COMMAND...` runs it where a filter refuses Syscall User Dispatch, as the
 * kernel itself did before 5.11. */
#include "target.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { DISPATCH = 59 /* PR_SET_SYSCALL_USER_DISPATCH */ };

#define AT(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IS(value, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, no)

static struct sock_filter filter[] = {
	AT(nr), IS(SYS_prctl, 3),
	AT(args[0]), IS(DISPATCH, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
	if (argc > 1) {
		execvp(argv[1], argv + 1);
		return 127;
	}
	return passed();
}
