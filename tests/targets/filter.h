/* Seccomp filters of the target's own. */
#include "inline.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

#define FOR(number, answer)                                  \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, (answer))
#define ALLOW(number) FOR((number), SECCOMP_RET_ALLOW)
#define LOAD_NUMBER \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ELSE(answer) BPF_STMT(BPF_RET | BPF_K, (answer))

/* False: no seccomp here. */
static inline int set_filter(struct sock_filter *filter, size_t size)
{
	struct sock_fprog program = { (unsigned short)(size / sizeof(*filter)),
				      filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
