/* Cost of single calls from inside a process: `bench BATCHES [NAME...]`. For each call
 * BATCHES lines `NAME WALL CPU`: the mean of one batch in ns per call, by the wall
 * clock and by this thread's CPU time. A batch lasts about 2 ms, and all batches of a
 * call together stay under 59,000 calls, so that a rule with when=60000 never hits. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH_NS 2e6
#define MOST_CALLS 59000
#define PROBES 8

static int zero;

/* libc refuses a negative descriptor by itself: a call without a syscall, so cheap that
 * a nanosecond more shows. */
static int no_syscall(void)
{
	return futimens(-1, NULL) != -1;
}

static int parent_pid(void)
{
	return getppid() <= 0;
}

static int read_byte(void)
{
	char byte;

	return read(zero, &byte, 1) != 1;
}

static int open_close(void)
{
	return close(open("/dev/null", O_RDONLY)) != 0;
}

static int stat_path(void)
{
	struct stat st;

	return stat("/dev/null", &st) != 0;
}

static int fork_exec(void)
{
	char *args[] = { "true", NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execv("/bin/true", args);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static const struct bench {
	const char *name;
	int (*call)(void); /* not 0: it failed */
} benches[] = {
	{ "no-syscall", no_syscall }, { "getppid", parent_pid },
	{ "read", read_byte },	      { "open+close", open_close },
	{ "stat", stat_path },	      { "fork+exec", fork_exec },
};

static double ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double timed(const struct bench *bench, long calls, double *cpu)
{
	double cpu_start = ns(CLOCK_THREAD_CPUTIME_ID), start = ns(CLOCK_MONOTONIC);
	double end;

	for (long i = 0; i < calls; i++) {
		if (bench->call()) {
			fprintf(stderr, "bench: %s: %s\n", bench->name, strerror(errno));
			exit(1);
		}
	}
	end = ns(CLOCK_MONOTONIC);
	*cpu = (ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start) / calls;
	return (end - start) / calls;
}

static void run(const struct bench *bench, int batches)
{
	double cpu, each = timed(bench, 1, &cpu); /* the first one warms up */
	long calls, most = (MOST_CALLS - PROBES - 1) / batches;

	each = timed(bench, each < BATCH_NS ? PROBES : 1, &cpu);
	calls = BATCH_NS / each < 1 ? 1 : BATCH_NS / each;
	for (int i = 0; i < batches; i++) {
		double wall = timed(bench, calls < most ? calls : most, &cpu);

		printf("%s %.3f %.3f\n", bench->name, wall, cpu);
	}
}

static int wanted(const char *name, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	int batches = argc > 1 ? atoi(argv[1]) : 10;

	if (batches < 1)
		return 2;
	zero = open("/dev/zero", O_RDONLY);
	for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		if (wanted(benches[i].name, argv + 2))
			run(&benches[i], batches);
	return 0;
}
