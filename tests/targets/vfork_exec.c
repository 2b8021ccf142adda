/* vfork shares the parent's memory and stack: the child execs with an environment of
 * its own, or fails to and leaves by _exit, and the parent goes on undamaged. */
#include "target.h"

static char *const args[] = { "true", NULL };
static char *const env[] = { "WORD=vfork", NULL };

static int run(const char *path)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execve(path, args, env);
		_exit(errno == ENOENT ? 127 : 126);
	}
	CHECK(pid > 0);
	return wait_for(pid);
}

static int leave(int status)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(status);
	CHECK(pid > 0);
	return wait_for(pid);
}

int main(void)
{
	for (int i = 0; i < 5; i++) {
		CHECK(run("/bin/true") == 0);
		CHECK(run("/bin/no-such-program") == 127);
		CHECK(leave(7) == 7);
		CHECK(getppid() > 0);
	}
	return passed();
}
