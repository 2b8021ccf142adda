/* The ways a process may end, each in a child that has said what it wants done then:
 * who runs, in what order, and what calls still work there. */
#include "target.h"
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

static void say(const char *what)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && close(fd) == 0);
	CHECK(write(1, what, strlen(what)) == (ssize_t)strlen(what));
}

static void at_exit(void)
{
	say(" atexit");
}

static void at_exit_too(void)
{
	say(" atexit again");
	CHECK(atexit(at_exit) == 0);
}

static void with_status(int status, void *word)
{
	CHECK(status == 7);
	say(word);
}

static void at_quick_exit_(void)
{
	say(" at_quick_exit");
}

__attribute__((destructor)) static void destructor(void)
{
	say(" destructor");
}

static void *ends_the_thread(void *arg)
{
	pthread_exit(arg);
}

static void *ends_the_process(void *arg)
{
	(void)arg;
	exit(7);
}

static void more_handlers_than_libc_keeps_room_for(void)
{
	for (int i = 0; i < 100; i++)
		CHECK(atexit(i ? (void (*)(void))getppid : at_exit) == 0);
	exit(7);
}

static void by_exit(void) { exit(7); }
static void by_underscore(void) { _exit(7); }
static void by_Exit(void) { _Exit(7); }
static void by_quick_exit(void) { quick_exit(7); }
static void by_syscall(void) { syscall(SYS_exit_group, 7); }
static void by_signal(void) { raise(SIGKILL); }
static void by_abort(void) { abort(); }

static void by_the_last_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, ends_the_thread, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	pthread_exit(NULL);
}

static void by_another_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, ends_the_process, NULL) == 0);
	pthread_join(thread, NULL);
}

static void try(const char *what, void (*end)(void))
{
	pid_t pid;

	say(what);
	pid = fork();
	if (pid == 0) {
		CHECK(at_quick_exit(at_quick_exit_) == 0);
		CHECK(on_exit(with_status, (void *)" on_exit") == 0 || 1);
		CHECK(atexit(at_exit_too) == 0);
		end();
		_exit(99);
	}
	CHECK(pid > 0);
	dprintf(1, ": %d\n", wait_for(pid));
}

int main(void)
{
	try("exit", by_exit);
	try("_exit", by_underscore);
	try("_Exit", by_Exit);
	try("quick_exit", by_quick_exit);
	try("exit_group", by_syscall);
	try("SIGKILL", by_signal);
	try("abort", by_abort);
	try("another thread", by_another_thread);
	try("many handlers", more_handlers_than_libc_keeps_room_for);
	dprintf(1, "last thread: %d\n", ({
		pid_t pid = fork();

		if (pid == 0)
			by_the_last_thread();
		wait_for(pid);
	}));
	return passed();
}
