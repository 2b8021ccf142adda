/* What the next program finds of SIGSYS: ignored stays ignored, handled is the default
 * again, blocked and pending stay; also by posix_spawn, and where the exec fails
 * nothing has changed. */
#include "inline.h"
#include <signal.h>
#include <spawn.h>

extern char **environ;

static int show(void)
{
	struct sigaction now;
	sigset_t set, pending;

	CHECK(sigaction(SIGSYS, NULL, &now) == 0 &&
	      sigprocmask(SIG_BLOCK, NULL, &set) == 0);
	CHECK(sigpending(&pending) == 0);
	printf("%s, blocked %d, pending %d\n",
	       now.sa_handler == SIG_IGN   ? "ignored"
	       : now.sa_handler == SIG_DFL ? "default"
					   : "handled",
	       sigismember(&set, SIGSYS), sigismember(&pending, SIGSYS));
	CHECK(raise(SIGUSR1) == 0);
	return passed();
}

static void handler(int number)
{
	(void)number;
}

static void state(int blocked, void (*action)(int))
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	CHECK(sigprocmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL) == 0);
	CHECK(signal(SIGSYS, action) != SIG_ERR);
}

static void run(const char *what, int blocked, void (*action)(int), int pending)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		state(blocked, action);
		if (pending)
			CHECK(raise(SIGSYS) == 0);
		execl("/bin/no-such-program", "no", NULL);
		CHECK(errno == ENOENT && (pending || raise(SIGSYS) == 0));
		execl("/proc/self/exe", "again", "show", NULL);
		CHECK(0);
	}
	printf("%s: %d\n", what, wait_for(pid));
	fflush(stdout);
}

static void spawn(const char *what, short flags)
{
	char *args[] = { "again", "show", NULL };
	posix_spawnattr_t attr;
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	CHECK(posix_spawnattr_init(&attr) == 0 &&
	      posix_spawnattr_setsigmask(&attr, &set) == 0);
	sigaddset(&set, SIGSYS);
	CHECK(posix_spawnattr_setsigdefault(&attr, &set) == 0);
	CHECK(posix_spawnattr_setflags(&attr, flags) == 0);
	CHECK(posix_spawn(&pid, "/proc/self/exe", NULL, &attr, args, environ) == 0);
	printf("%s: %d\n", what, wait_for(pid));
	fflush(stdout);
}

/* The children's actions are theirs. */
static void still(const char *what)
{
	struct sigaction now;

	CHECK(sigaction(SIGSYS, NULL, &now) == 0);
	printf("%s: %d\n", what,
	       now.sa_handler == handler ? 2 : now.sa_handler == SIG_IGN);
	fflush(stdout);
}

static void vfork_child(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	pid_t pid = vfork();

	if (!pid) {
		sigaction(SIGSYS, &action, NULL);
		action.sa_handler = SIG_IGN;
		sigaction(SIGUSR2, &action, NULL);
		_exit(0);
	}
	CHECK(wait_for(pid) == 0);
}

int main(int argc, char **argv)
{
	(void)argv;
	signal(SIGUSR1, SIG_IGN);
	if (argc > 1)
		return show();
	run("default", 0, SIG_IGN, 0);
	run("handled", 0, handler, 0);
	run("blocked", 1, handler, 0);
	run("blocked and ignored", 1, SIG_IGN, 0);
	run("blocked and pending", 1, handler, 1);
	state(0, handler);
	spawn("spawned", 0);
	spawn("spawned, default", POSIX_SPAWN_SETSIGDEF);
	still("handled yet");
	vfork_child();
	still("handled yet");
	state(0, SIG_IGN);
	spawn("spawned, ignored", 0);
	spawn("spawned, default", POSIX_SPAWN_SETSIGDEF);
	still("ignored yet");
	vfork_child();
	still("ignored yet");
	CHECK(system("true") == 0);
	still("ignored yet");
	state(1, handler);
	spawn("spawned, blocked", 0);
	spawn("spawned, unblocked", POSIX_SPAWN_SETSIGMASK);
	return passed();
}
