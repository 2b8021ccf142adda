/* What every target shares: it prints what it saw, one line each and the same on every
 * run, then EXIT-SUCCESS. Exit 0: passed; 1: failed, the reason on stderr; 77: cannot
 * run here. Include it first. */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* By _exit: a failing child of fork must not flush its parent's output again. */
#define CHECK(condition)                                                            \
	do {                                                                        \
		if (!(condition)) {                                                 \
			dprintf(2, "%s:%d: %s: errno %d\n", __FILE__, __LINE__,      \
				#condition, errno);                                 \
			_exit(1);                                                   \
		}                                                                   \
	} while (0)

static inline int passed(void)
{
	puts("EXIT-SUCCESS");
	return 0;
}

static inline int cannot_run(const char *why)
{
	printf("cannot run here: %s\n", why);
	return 77;
}

/* `what: ok`, or the errno's name when `ret` is -1. */
static inline void report(const char *what, long ret)
{
	printf("%s: %s\n", what, ret == -1 ? strerrorname_np(errno) : "ok");
}

/* Waits for a child; its exit status, or 128 + the signal that ended it. */
static inline int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
