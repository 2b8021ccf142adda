#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int tids[2];

static void *locks(void *unused)
{
	__atomic_store_n(&tids[0], gettid(), __ATOMIC_RELEASE);
	pthread_mutex_lock(&mutex);
	return unused;
}

static void *polls(void *unused)
{
	long ret, fd = epoll_create1(0);
	struct epoll_event event;

	__atomic_store_n(&tids[1], gettid(), __ATOMIC_RELEASE);
	/* Behind all calls, which may change both. */
	register long timeout __asm__("r10") = -1, mask __asm__("r8") = 0;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(SYS_epoll_pwait), "D"(fd), "S"(&event), "d"(1L),
			   "r"(timeout), "r"(mask)
			 : "rcx", "r11", "memory");
	return unused;
}

/* Waits until that thread is in this syscall, proc_pid_syscall(5). */
static void wait_for(int *tid, int number)
{
	char path[64];

	for (int found = -1; found != number;) {
		sprintf(path, "/proc/self/task/%d/syscall",
			__atomic_load_n(tid, __ATOMIC_ACQUIRE));
		FILE *file = fopen(path, "r");

		if (!file || fscanf(file, "%d", &found) != 1)
			found = -1;
		if (file)
			fclose(file);
	}
}

int main(void)
{
	pthread_t thread;

	pthread_mutex_lock(&mutex);
	pthread_create(&thread, NULL, locks, NULL);
	pthread_create(&thread, NULL, polls, NULL);
	wait_for(&tids[0], SYS_futex);
	wait_for(&tids[1], SYS_epoll_pwait);
	return 3;
}
