/* The ways a process may end while other threads of it are in the middle of calls, with
 * handlers that make some, too. argv[1]: the way; without it all, each in a child. */
#include "in_calls.h"
#include <sys/resource.h>

static void say(const char *what)
{
	some_calls();
	CHECK(write(1, what, strlen(what)) == (ssize_t)strlen(what));
}

static void at_exit(void) { say(" atexit"); }
static void at_quick(void) { say(" at_quick_exit"); }
__attribute__((destructor)) static void destructor(void) { say(" destructor"); }

static void *exits(void *arg)
{
	some_calls();
	exit(7);
	return arg;
}

static void by_exit(void) { exit(7); }
static void by__exit(void) { _exit(7); }
static void by_quick_exit(void) { quick_exit(7); }
static void by_abort(void) { abort(); }
static void by_return(void) { }

/* The last to go ends the process, and runs the handlers. */
static void by_pthread_exit(void)
{
	enough = 1;
	pthread_exit(NULL);
}

static void by_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, exits, NULL) == 0);
	for (;;)
		some_calls();
}

/* From outside, within the next 40 ms: while Python starts, or in some call. */
static void signalled(int signo)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
	struct itimerspec soon = { .it_value = { 0, getpid() % 40 * 1000000l + 1 } };
	timer_t timer;

	CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
	for (;;)
		some_calls();
}

static void by_kill(void) { signalled(SIGKILL); }
static void by_term(void) { signalled(SIGTERM); }

static void leave(int signo)
{
	some_calls();
	_exit(signo);
}

static void by_handler(void)
{
	CHECK(signal(SIGUSR1, leave) != SIG_ERR);
	signalled(SIGUSR1);
}

static const struct {
	const char *name;
	void (*end)(void);
} ways[] = {
	{ "return", by_return }, { "exit", by_exit }, { "_exit", by__exit },
	{ "quick_exit", by_quick_exit }, { "abort", by_abort },
	{ "pthread_exit", by_pthread_exit }, { "thread", by_thread },
	{ "kill", by_kill }, { "term", by_term }, { "handler", by_handler },
};

enum { WAYS = sizeof(ways) / sizeof(*ways) };

static int end(int way)
{
	const struct rlimit none = { 0, 0 };

	CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
	CHECK(atexit(at_exit) == 0 && at_quick_exit(at_quick) == 0);
	start_calls();
	some_calls();
	ways[way].end();
	return 5;
}

int main(int argc, char **argv)
{
	for (int way = 0; way < WAYS; way++) {
		pid_t pid = 0;

		if (argc > 1 && strcmp(argv[1], ways[way].name))
			continue;
		dprintf(1, "%s:", ways[way].name);
		if (argc > 1 || !(pid = fork()))
			return end(way);
		dprintf(1, " %d\n", wait_for(pid));
	}
	say("all");
	dprintf(1, "\nEXIT-SUCCESS\n");
	_exit(0);
}
