/* A filter that asks for SIGSYS: the target's own handler is told which syscall it was
 * and with what, and gives the result; and one that gives an errno, and one that lets
 * the default kill. */
#include "filter.h"
#include <sys/stat.h>
#include <linux/audit.h>
#include <ucontext.h>

static struct sock_filter trap[] = {
	LOAD_NUMBER,
	FOR(SYS_getppid, SECCOMP_RET_TRAP | 7),
	FOR(SYS_mkdir, SECCOMP_RET_TRAP | 8),
	FOR(SYS_rmdir, SECCOMP_RET_ERRNO | EXDEV),
	FOR(SYS_getpgrp, SECCOMP_RET_ERRNO | 0),
	ELSE(SECCOMP_RET_ALLOW),
};

static int number, data, code, x86_64, arguments_right;

static void handler(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	CHECK(signal == SIGSYS);
	number = info->si_syscall;
	data = info->si_errno;
	code = info->si_code;
	x86_64 = info->si_arch == AUDIT_ARCH_X86_64;
	if (number == SYS_mkdir)
		arguments_right =
			!strcmp((char *)registers[REG_RDI], "/bin/no-such/folder") &&
			registers[REG_RSI] == 0700;
	registers[REG_RAX] = number == SYS_getppid ? 4711 : -EOWNERDEAD;
}

static void seen(const char *what, long ret)
{
	told(what, ret);
	printf("syscall %d, data %d, code %d, x86-64 %d\n", number, data, code, x86_64);
	number = data = code = x86_64 = 0;
}

static void trapped(void)
{
	seen("inline getppid", inline0(SYS_getppid));
	seen("getppid", getppid());
	seen("inline mkdir", inline2(SYS_mkdir, "/bin/no-such/folder", 0700));
	printf("arguments: %d\n", arguments_right);
	arguments_right = 0;
	seen("mkdir", mkdir("/bin/no-such/folder", 0700) == -1 ? -errno : 0);
	printf("arguments: %d\n", arguments_right);
	seen("inline rmdir", inline1(SYS_rmdir, "/bin/no-such/folder"));
	seen("rmdir", rmdir("/bin/no-such/folder") == -1 ? -errno : 0);
	seen("inline getpgrp", inline0(SYS_getpgrp));
}

static void by_default(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		CHECK(signal(SIGSYS, SIG_DFL) != SIG_ERR);
		getppid();
		_exit(0);
	}
	printf("default: %d\n", wait_for(pid));
	CHECK((pid = fork()) >= 0);
	if (!pid) {
		CHECK(signal(SIGSYS, SIG_IGN) != SIG_ERR);
		getppid();
		_exit(0);
	}
	printf("ignored: %d\n", wait_for(pid));
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	CHECK(sigaction(SIGSYS, &action, NULL) == 0);
	if (!set_filter(trap, sizeof(trap)))
		return cannot_run("no seccomp filter");
	trapped();
	by_default();
	return passed();
}
