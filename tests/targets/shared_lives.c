/* getppid(2) once at the beginning and once for each word, in a process of that kind: a
 * hook counts them. `shared_lives call` is what the others exec. */
#include "target.h"
#include <pthread.h>
#include <sched.h>
#include <spawn.h>

static const char *self;
static char *const again[] = { "shared_lives", "call", NULL };

static void *thread(void *unused)
{
	getppid();
	return unused;
}

static void in_thread(void)
{
	pthread_t id;

	CHECK(!pthread_create(&id, NULL, thread, NULL) && !pthread_join(id, NULL));
}

/* Where nothing of ours can be found any more. */
static void in_another_root(void)
{
	CHECK(chroot(".") == 0 && chdir("/") == 0);
	getppid();
}

static void in_another_namespace(void)
{
	CHECK(unshare(CLONE_NEWPID) == 0);
	pid_t pid = fork();

	if (!pid) {
		getppid();
		_exit(0);
	}
	CHECK(wait_for(pid) == 0);
}

static void spawned(void)
{
	pid_t pid;

	CHECK(!posix_spawn(&pid, self, NULL, NULL, again, environ));
	CHECK(wait_for(pid) == 0);
}

/* In a child that was forked for it. */
static void live(const char *word)
{
	if (!strcmp(word, "thread"))
		in_thread();
	else if (!strcmp(word, "chroot"))
		in_another_root();
	else if (!strcmp(word, "pidns"))
		in_another_namespace();
	else if (!strcmp(word, "spawn"))
		spawned();
	else if (!strcmp(word, "exec"))
		CHECK(execv(self, again) == 0);
	else if (!strcmp(word, "closefrom"))
		closefrom(0);
	else if (!strcmp(word, "chdir"))
		CHECK(chdir("/") == 0);
	if (strchr("cf", word[0]) && strcmp(word, "chroot"))
		getppid();
	_exit(0);
}

static void vforked(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execv(self, again);
		_exit(127);
	}
	CHECK(wait_for(pid) == 0);
}

int main(int argc, char **argv)
{
	self = realpath("/proc/self/exe", NULL);
	CHECK(self);
	getppid();
	if (argc == 2 && !strcmp(argv[1], "call"))
		return 0;
	for (int i = 1; i < argc; i++) {
		pid_t pid = strcmp(argv[i], "vfork") ? fork() : (vforked(), -1);

		if (!pid)
			live(argv[i]);
		CHECK(pid < 0 || wait_for(pid) == 0);
	}
	return passed();
}
