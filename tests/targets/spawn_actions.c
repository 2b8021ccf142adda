/* posix_spawn with all that can be asked of it: what the child then finds. */
#include "target.h"
#include <sched.h>
#include <signal.h>
#include <spawn.h>

extern char **environ;

static char *sh[] = { "sh", "-c", NULL, NULL };

static void spawn(const char *what, const char *script, posix_spawn_file_actions_t *actions,
		  posix_spawnattr_t *attr)
{
	pid_t pid = 0;
	int failed;

	sh[2] = (char *)script;
	fflush(stdout);
	errno = 0;
	failed = posix_spawn(&pid, "/bin/sh", actions, attr, sh, environ);
	/* The child shares our memory: what failed there may stand in our errno. */
	printf("%s: errno %d\n", what, errno);
	printf("%s: %s\n", what, failed ? strerrorname_np(failed) : "started");
	if (!failed)
		printf("%s: %d\n", what, wait_for(pid));
}

static void with_actions(void)
{
	posix_spawn_file_actions_t actions;

	CHECK(posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_addopen(&actions, 0, "/etc/passwd", O_RDONLY, 0) == 0);
	CHECK(posix_spawn_file_actions_addopen(&actions, 5, "made", O_WRONLY | O_CREAT,
					       0640) == 0);
	CHECK(posix_spawn_file_actions_adddup2(&actions, 1, 6) == 0);
	CHECK(posix_spawn_file_actions_addchdir_np(&actions, "/") == 0);
	CHECK(posix_spawn_file_actions_addclosefrom_np(&actions, 7) == 0);
	CHECK(posix_spawn_file_actions_addclose(&actions, 2) == 0);
	spawn("actions", "read line; echo ${line%%:*}; pwd; echo x >&5; echo six >&6; "
	      "echo no >&2; echo left", &actions, NULL);
	CHECK(access("made", F_OK) == 0);
	CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void with_a_failing_action(void)
{
	posix_spawn_file_actions_t actions;

	CHECK(posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_addopen(&actions, 4, "/no/such", O_RDONLY, 0) == 0);
	spawn("failing open", "echo never", &actions, NULL);
	CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
	CHECK(posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_adddup2(&actions, 400, 4) == 0);
	spawn("failing dup2", "echo never", &actions, NULL);
	CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void with_attributes(void)
{
	char *grep[] = { "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", NULL };
	posix_spawnattr_t attr;
	sigset_t set;
	pid_t pid;

	CHECK(posix_spawnattr_init(&attr) == 0);
	CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0);
	CHECK(posix_spawnattr_setsigmask(&attr, &set) == 0);
	CHECK(posix_spawnattr_setsigdefault(&attr, &set) == 0);
	CHECK(posix_spawnattr_setpgroup(&attr, 0) == 0);
	CHECK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				       POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_RESETIDS) == 0);
	spawn("attributes", "read a b c d e f </proc/$$/stat; test $e = $$ && echo leads",
	      NULL, &attr);
	CHECK(posix_spawn(&pid, "/bin/grep", NULL, &attr, grep, environ) == 0);
	printf("mask: %d\n", wait_for(pid));
	CHECK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID) == 0);
	spawn("session", "read a b c d e f g </proc/$$/stat; test $f = $$ && echo own", NULL,
	      &attr);
	CHECK(posix_spawnattr_destroy(&attr) == 0);
}

static void that_fail(void)
{
	char *args[] = { "none", NULL };
	pid_t pid = 7;

	printf("missing: %d\n", posix_spawn(&pid, "/no/such", NULL, NULL, args, environ));
	printf("missing on PATH: %d\n",
	       posix_spawnp(&pid, "no-such-program", NULL, NULL, args, environ));
	printf("a folder: %d\n", posix_spawn(&pid, "/", NULL, NULL, args, environ));
	printf("no pid wanted: %d\n", posix_spawnp(NULL, "true", NULL, NULL, args, environ));
	CHECK(waitpid(-1, NULL, 0) > 0);
}

int main(void)
{
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	with_actions();
	with_a_failing_action();
	with_attributes();
	that_fail();
	return passed();
}
