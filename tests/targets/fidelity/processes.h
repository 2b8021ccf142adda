/* Processes and threads. */
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>

extern char **environ;

/* Its process ends with the one that started it. */
WORD(child)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

WORD(fork)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	return pid;
}

WORD(vfork)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(3);
	return pid;
}

WORD(ended)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)a[0], &info, WEXITED | WNOWAIT) ? -1 : info.si_status;
}

WORD(kill) { return kill((pid_t)a[0], (int)a[1]); }
WORD(raise) { return raise((int)a[0]); }
WORD(wait) { return wait(NULL); }
WORD(waitpid) { return waitpid((pid_t)a[0], NULL, (int)a[1]); }
WORD(wait4) { return wait4((pid_t)a[0], NULL, (int)a[1], NULL); }

WORD(waitid)
{
	siginfo_t info = { .si_pid = 0 };
	int ret = waitid(P_PID, (id_t)a[0], &info, WEXITED | (int)a[1]);

	return ret ? ret : !!info.si_pid;
}

WORD(posix_spawn)
{
	char *argv[] = { (char *)"true", NULL };
	pid_t pid;
	int err = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ);

	return err ? err : (waitpid(pid, NULL, 0), 0);
}

WORD(system) { return system("exit 3"); }
WORD(execv) { return execv(TEXT_OF(a[0]), (char *[]){ (char *)"program", NULL }); }

static void *at_once(void *arg)
{
	return arg;
}

static size_t stack_size;

WORD(pthread_create)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	CHECK(pthread_attr_init(&attr) == 0);
	stack_size = a[0] ? (size_t)a[0] : 65536;
	CHECK(pthread_attr_setstacksize(&attr, stack_size) == 0);
	err = pthread_create(&thread, &attr, at_once, NULL);
	return err ? err : pthread_join(thread, NULL);
}

#define WORDS_OF_PROCESSES                                                          \
	{ "child", do_child, PROCESS }, { "fork", do_fork, PROCESS },               \
	{ "vfork", do_vfork, PROCESS }, { "ended", do_ended, NUMBER },              \
	{ "kill", do_kill, NUMBER }, { "raise", do_raise, NUMBER },                 \
	{ "wait", do_wait, PROCESS }, { "waitpid", do_waitpid, PROCESS },           \
	{ "wait4", do_wait4, PROCESS }, { "waitid", do_waitid, NUMBER },            \
	{ "posix_spawn", do_posix_spawn, ERRNO }, { "system", do_system, NUMBER },  \
	{ "execv", do_execv, NUMBER }, { "pthread_create", do_pthread_create, ERRNO }
