/* Children made in each way that libc has, and by the kernel alone, while other threads
 * are in the middle of calls: a child makes calls, and what else its way lets it, and
 * ends as told. argv: how often each (1), then the ways; without any, all. */
#include "in_calls.h"
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/syscall.h>

enum { STATUS = 3, STACK = 64 * 1024, AT_ONCE = 3 };

extern char **environ;

static char *const nothing[] = { "true", NULL };
static char *const nowhere[] = { "false", NULL };
static int times = 1;

static void ended(pid_t pid, int status)
{
	CHECK(pid > 0 && wait_for(pid) == status);
}

static void *few_calls(void *arg)
{
	for (int i = 0; i < 5; i++)
		some_calls();
	return arg;
}

/* After a fork that libc knows of all is as it was. */
static void whole_child(void)
{
	pthread_t thread;

	some_calls();
	CHECK(pthread_create(&thread, NULL, few_calls, NULL) == 0);
	some_calls();
	free(malloc(1000000));
	CHECK(pthread_join(thread, NULL) == 0);
	_exit(STATUS);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		whole_child();
	ended(pid, STATUS);
}

/* libc's part of it undone: no handlers of pthread_atfork(3). */
static void by__Fork(void)
{
	pid_t pid = _Fork();

	if (!pid) {
		some_calls();
		_exit(STATUS);
	}
	ended(pid, STATUS);
}

static void by_kernel(long number, long flags)
{
	pid_t pid = syscall(number, flags, NULL, NULL, NULL, NULL);

	if (!pid) {
		some_calls();
		_exit(STATUS);
	}
	ended(pid, STATUS);
}

static void by_sys_fork(void) { by_kernel(SYS_fork, 0); }
static void by_sys_clone(void) { by_kernel(SYS_clone, SIGCHLD); }

static int in_clone(void *status)
{
	some_calls();
	return *(int *)status;
}

static void by_clone(void)
{
	static char stack[STACK] __attribute__((aligned(16)));
	int status = STATUS;

	ended(clone(in_clone, stack + STACK, SIGCHLD, &status), STATUS);
}

static void by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execve("/bin/true", nothing, environ);
		_exit(126);
	}
	ended(pid, 0);
	pid = vfork();
	if (!pid) {
		execve("/no/such", nothing, environ);
		_exit(errno == ENOENT ? STATUS : 126);
	}
	ended(pid, STATUS);
}

static void by_spawn(void)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	CHECK(posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) ==
	      0);
	CHECK(posix_spawn_file_actions_adddup2(&actions, 1, 7) == 0);
	CHECK(posix_spawn(&pid, "/bin/false", &actions, NULL, nowhere, environ) == 0);
	ended(pid, 1);
	CHECK(posix_spawn(&pid, "/no/such", &actions, NULL, nowhere, environ) == ENOENT);
	CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void by_shell(void)
{
	char line[16] = "";
	FILE *pipe = popen("echo word", "re");

	CHECK(pipe && fgets(line, sizeof(line), pipe) && !strcmp(line, "word\n"));
	CHECK(pclose(pipe) == 0);
	CHECK(WEXITSTATUS(system("exit 4")) == 4);
}

static void by_forkpty(void)
{
	char text[64];
	int master;
	size_t at = 0;
	ssize_t got;
	pid_t pid = forkpty(&master, NULL, NULL, NULL);

	if (!pid) {
		CHECK(write(1, "ready", 5) == 5);
		whole_child();
	}
	/* The other side gone is EIO here, pty(7). */
	while ((got = read(master, text + at, sizeof(text) - at)) > 0)
		at += (size_t)got;
	CHECK(at == 5 && !memcmp(text, "ready", 5) && close(master) == 0);
	ended(pid, STATUS);
}

/* Of a process that has threads in calls, too. */
static void by_daemon(void)
{
	char text[16];
	int pair[2];
	pid_t pid;

	CHECK(pipe(pair) == 0 && (pid = fork()) >= 0);
	if (!pid) {
		close(pair[0]);
		start_calls();
		CHECK(daemon(1, 1) == 0);
		some_calls();
		CHECK(write(pair[1], "ready", 5) == 5);
		_exit(0);
	}
	ended(pid, 0);
	CHECK(close(pair[1]) == 0 && read(pair[0], text, sizeof(text)) == 5);
	CHECK(read(pair[0], text, sizeof(text)) == 0 && close(pair[0]) == 0);
}

static void *execs(void *arg)
{
	some_calls();
	execv("/bin/true", nothing);
	return arg;
}

static void exec_in(bool of_thread)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		start_calls();
		if (!of_thread)
			execs(NULL);
		CHECK(pthread_create(&thread, NULL, execs, NULL) == 0);
		for (;;)
			some_calls();
	}
	ended(pid, 0);
}

static void by_exec(void)
{
	exec_in(false);
	exec_in(true);
}

static void *forks(void *arg)
{
	for (int i = 0; i < times; i++)
		by_fork();
	return arg;
}

static void at_once(void)
{
	pthread_t threads[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++)
		CHECK(pthread_create(&threads[i], NULL, forks, NULL) == 0);
	for (int i = 0; i < AT_ONCE; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static const struct {
	const char *name;
	void (*once)(void);
} ways[] = {
	{ "fork", by_fork }, { "_Fork", by__Fork }, { "sys_fork", by_sys_fork },
	{ "sys_clone", by_sys_clone }, { "clone", by_clone }, { "vfork", by_vfork },
	{ "spawn", by_spawn }, { "shell", by_shell }, { "forkpty", by_forkpty },
	{ "daemon", by_daemon }, { "exec", by_exec }, { "at_once", at_once },
};

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 3;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		times = atoi(argv[1]);
	CHECK(pthread_atfork(some_calls, some_calls, some_calls) == 0);
	start_calls();
	for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
		if (!wanted(ways[way].name, argc, argv))
			continue;
		for (int i = 0; i < times; i++)
			ways[way].once();
		printf("%s\n", ways[way].name);
	}
	check_they_go_on();
	end_calls();
	return passed();
}
