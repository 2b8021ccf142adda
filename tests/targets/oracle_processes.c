/* Most calls on processes, users, limits and signals that the table wraps, each at
 * least once, well and with an error. argv[1] is a program that ends well. What they
 * return does not matter here: another witness tells. */
#include "target.h"
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>

static volatile long sink;
static char *volatile nowhere = (char *)8;

#define DO(call) (sink = (long)(call))

extern char **environ;

pid_t _Fork(void);

static void nothing(int number)
{
	(void)number;
}

static void children(char **args)
{
	struct rusage usage;
	siginfo_t info;
	pid_t pid;
	int status;

	if ((pid = fork()) == 0)
		_exit(3);
	DO(waitpid(pid, &status, 0));
	if ((pid = _Fork()) == 0)
		_exit(0);
	DO(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	DO(wait4(pid, &status, WUNTRACED, &usage));
	if (fork() == 0)
		_exit(256 + 7);
	DO(wait(&status));
	if ((pid = vfork()) == 0)
		_exit(0);
	DO(wait3(&status, WNOHANG | WCONTINUED, &usage));
	DO(posix_spawn(&pid, args[0], NULL, NULL, args, environ));
	DO(waitpid(pid, NULL, 0));
	DO(posix_spawnp(&pid, args[0], NULL, NULL, args, environ));
	DO(waitpid(pid, NULL, __WALL));
	DO(wait(NULL));
	DO(waitid(12345, 0, &info, WEXITED));
	if ((pid = fork()) == 0) {
		execv("missing", args);
		execve(args[0], (char **)nowhere, environ);
		execl("missing", "a", "b", NULL);
		execvp("./missing", args);
		execveat(AT_FDCWD, "missing", args, environ, AT_SYMLINK_NOFOLLOW);
		fexecve(open(args[0], O_RDONLY | O_CLOEXEC), args, environ);
	}
	DO(waitpid(pid, NULL, 0));
}

static void identity(void)
{
	DO(getpid());
	DO(getppid());
	DO(gettid());
	DO(getsid(0));
	DO(getpgid(0));
	DO(getpgid(-5));
	DO(getpgrp());
	DO(setpgid(0, 0));
	DO(setpgrp());
	DO(setpgid(-1, 0));
	DO(setsid());
	DO(personality(0xffffffff));
	DO(prctl(PR_GET_DUMPABLE));
	DO(prctl(PR_SET_NAME, "a name"));
	DO(prctl(PR_SET_PDEATHSIG, SIGTERM));
	DO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	DO(prctl(12345, 1, 2, 3, 4));
	DO(unshare(0));
	DO(unshare(0x40));
	DO(setns(99, CLONE_NEWNET));
}

static void other_processes(void)
{
	char from[8] = "some", to[8];
	struct iovec here = { to, 8 }, there = { from, 8 };
	int fd = pidfd_open(getpid(), 0);

	DO(pidfd_getfd(fd, 1, 0));
	DO(pidfd_getfd(99, 1, 0));
	DO(pidfd_send_signal(fd, 0, NULL, 0));
	DO(pidfd_open(-1, 0));
	DO(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
	DO(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	DO(kill(getpid(), 0));
	DO(kill(0x7ffffff, SIGTERM));
	DO(killpg(getpgrp(), 0));
	DO(tgkill(getpid(), gettid(), 0));
	DO(tgkill(-1, -1, SIGRTMIN + 3));
	DO(sigqueue(getpid(), 0, (union sigval){ .sival_int = 5 }));
}

static void users(void)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid, groups[64];

	DO(getuid());
	DO(geteuid());
	DO(getgid());
	DO(getegid());
	DO(getresuid(&ruid, &euid, &suid));
	DO(getresgid(&rgid, &egid, &sgid));
	DO(getgroups(64, groups));
	DO(getgroups(0, NULL));
	DO(setuid(ruid));
	DO(setgid(rgid));
	DO(seteuid(euid));
	DO(setegid(egid));
	DO(setreuid(-1, euid));
	DO(setregid(rgid, -1));
	DO(setresuid(-1, -1, suid));
	DO(setresgid(rgid, egid, sgid));
	DO(setfsuid(euid));
	DO(setfsgid(-1));
	DO(setgroups(65537, groups));
}

static void limits(void)
{
	struct rlimit limit;
	struct rlimit64 limit64;
	struct rusage usage;
	struct sched_param param = { 0 };
	struct timespec slice;
	cpu_set_t cpus;

	DO(getrlimit(RLIMIT_NOFILE, &limit));
	DO(getrlimit64(RLIMIT_STACK, &limit64));
	DO(setrlimit(RLIMIT_NOFILE, &limit));
	DO(setrlimit64(RLIMIT_STACK, &limit64));
	DO(prlimit(0, RLIMIT_CORE, NULL, &limit));
	DO(prlimit64(getpid(), 99, NULL, &limit64));
	DO(getrusage(RUSAGE_SELF, &usage));
	DO(getpriority(PRIO_PROCESS, 0));
	DO(setpriority(PRIO_PROCESS, 0, 5));
	DO(getpriority(PRIO_PROCESS, 0));
	DO(sched_yield());
	DO(sched_getscheduler(0));
	DO(sched_setscheduler(0, SCHED_OTHER, &param));
	DO(sched_setscheduler(0, 99, &param));
	DO(sched_getparam(0, &param));
	DO(sched_setparam(0, &param));
	DO(sched_get_priority_max(SCHED_FIFO));
	DO(sched_get_priority_min(SCHED_RR));
	DO(sched_rr_get_interval(0, &slice));
	DO(sched_getaffinity(0, sizeof(cpus), &cpus));
	DO(sched_setaffinity(0, sizeof(cpus), &cpus));
	DO(sched_setaffinity(-1, 0, &cpus));
}

static void signals(void)
{
	struct sigaction action = { .sa_handler = nothing }, was;
	const struct timespec none = { 0, 0 };
	sigset_t set, empty;
	siginfo_t info;
	stack_t stack;
	int number;

	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	DO(sigaction(SIGUSR1, &action, &was));
	DO(sigaction(SIGRTMIN + 1, NULL, &was));
	DO(sigaction(SIGKILL, &action, NULL));
	DO(sigaction(32, NULL, &was));
	DO(signal(SIGUSR2, SIG_IGN));
	DO(signal(SIGUSR2, SIG_DFL));
	DO(signal(SIGUSR2, nothing));
	DO(sysv_signal(SIGUSR2, nothing));
	DO(sigprocmask(SIG_BLOCK, &set, NULL));
	DO(sigprocmask(99, &set, NULL));
	DO(pthread_sigmask(SIG_SETMASK, NULL, &set));
	DO(kill(getpid(), SIGUSR1));
	DO(sigpending(&set));
	DO(sigtimedwait(&set, &info, &none));
	DO(sigtimedwait(&set, NULL, &none));
	DO(kill(getpid(), SIGUSR1));
	DO(sigwaitinfo(&set, &info));
	DO(kill(getpid(), SIGUSR1));
	DO(sigwait(&set, &number));
	DO(kill(getpid(), SIGUSR1));
	DO(sigsuspend(&empty));
	DO(sigaltstack(NULL, &stack));
	DO(sigaltstack((stack_t *)nowhere, NULL));
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	children(argv + 1);
	identity();
	other_processes();
	users();
	limits();
	signals();
	return passed();
}
