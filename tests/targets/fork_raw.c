/* Forks that libc hears nothing of, while other threads are in the middle of calls: the
 * children make calls, too. */
#include "target.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

static atomic_bool done;

static void *calls(void *arg)
{
	while (!done)
		CHECK(close(open("/dev/zero", O_RDONLY)) == 0);
	return arg;
}

int main(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, calls, NULL) == 0);
	for (int i = 0; i < 10; i++) {
		pid_t pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

		CHECK(pid >= 0);
		if (pid == 0) {
			CHECK(close(open("/dev/zero", O_RDONLY)) == 0);
			syscall(SYS_exit_group, 0);
		}
		CHECK(wait_for(pid) == 0);
	}
	done = 1;
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return passed();
}
