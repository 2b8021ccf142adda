/* Says `ready` and then waits for what never comes, to be killed there: in read (argv[1]
 * `read`), in nanosleep (`sleep`), in a thread (`thread`), in a child whose death the
 * parent waits for (`child`), in a read that a handler interrupts (`handler`). */
#include "target.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

static int ends[2];

static void say(const char *text)
{
	CHECK(write(1, text, strlen(text)) == (ssize_t)strlen(text));
}

static void *reads(void *arg)
{
	char byte;

	say("ready\n");
	CHECK(read(ends[0], &byte, 1) == 1);
	return arg;
}

static void sleeps(void)
{
	struct timespec long_time = { 86400, 0 };

	say("ready\n");
	nanosleep(&long_time, NULL);
}

static void by_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, reads, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void by_child(void)
{
	pid_t pid = fork();
	char line[32];

	if (pid == 0)
		reads(NULL);
	snprintf(line, sizeof(line), "child %d\n", pid);
	say(line);
	CHECK(wait_for(pid) == 128 + SIGKILL);
}

static void handler(int number)
{
	(void)number;
	say("handled\n");
}

static void by_handler(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	reads(NULL);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "read";

	CHECK(pipe(ends) == 0);
	if (!strcmp(way, "sleep"))
		sleeps();
	else if (!strcmp(way, "thread"))
		by_thread();
	else if (!strcmp(way, "child"))
		by_child();
	else if (!strcmp(way, "handler"))
		by_handler();
	else
		reads(NULL);
	return passed();
}
