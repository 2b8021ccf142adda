/* Start of a process: `spawn COUNT PROGRAM [ARG...]` runs PROGRAM up to COUNT times by
 * posix_spawn, waits for each, and stops early after a second. One line for each run,
 * `spawn WALL CPU`: ns, the CPU time being that of the child. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double cpu_ns(const struct rusage *used)
{
	return (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1e9 +
	       (used->ru_utime.tv_usec + used->ru_stime.tv_usec) * 1e3;
}

static void run(char **args)
{
	double start = now();
	struct rusage used;
	int status;
	pid_t pid;

	if (posix_spawn(&pid, args[0], NULL, NULL, args, environ) != 0 ||
	    wait4(pid, &status, 0, &used) != pid || status != 0) {
		fprintf(stderr, "spawn: %s failed\n", args[0]);
		exit(1);
	}
	printf("spawn %.0f %.0f\n", now() - start, cpu_ns(&used));
}

int main(int argc, char **argv)
{
	double end = now() + 1e9;

	if (argc < 3)
		return 2;
	for (int i = atoi(argv[1]); i > 0 && now() < end; i--)
		run(argv + 2);
	return 0;
}
