/* Threads that are in the middle of calls, whatever else goes on. */
#pragma once
#include "target.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

enum { IN_CALLS = 3, PATIENCE = 20000 };

static atomic_bool enough;
static atomic_long made_calls[IN_CALLS];
static pthread_t in_calls[IN_CALLS];

static inline void some_calls(void)
{
	char bytes[64];
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0 && read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
	CHECK(read(-1, bytes, 1) == -1 && errno == EBADF);
	CHECK(close(fd) == 0);
}

static inline void *calls_till_enough(void *number)
{
	while (!enough) {
		some_calls();
		made_calls[(long)number]++;
	}
	return NULL;
}

/* They take no signals: handlers are for the thread that is looked at. */
static inline void start_calls(void)
{
	sigset_t all, before;

	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
	enough = 0;
	for (long i = 0; i < IN_CALLS; i++)
		CHECK(pthread_create(&in_calls[i], NULL, calls_till_enough, (void *)i) ==
		      0);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

/* A thread that nobody lets go on is found here, and does not hang us. */
static inline void check_they_go_on(void)
{
	for (int i = 0; i < IN_CALLS; i++) {
		long before = made_calls[i], waited = 0;

		while (made_calls[i] < before + 3) {
			CHECK(nanosleep(&(struct timespec){ 0, 1000000 }, NULL) == 0);
			CHECK(waited++ < PATIENCE && "another thread is stuck");
		}
	}
}

static inline void end_calls(void)
{
	enough = 1;
	for (int i = 0; i < IN_CALLS; i++)
		CHECK(pthread_join(in_calls[i], NULL) == 0);
}

static inline void alarm_each(int microseconds)
{
	struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };

	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}
