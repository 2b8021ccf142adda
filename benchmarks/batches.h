/* Batches of calls, timed: for benchmarks whose calls cost little and can't fail. A batch
 * lasts about 2 ms; a line each, `NAME\tWALL\tCPU`: the mean in ns per call, by the wall
 * clock and by this thread's CPU time. */
#pragma once
#include <stdio.h>
#include <time.h>

#define BATCH_NS 2e6

struct bench {
	const char *name;
	void (*call)(void), (*before)(void);
};

static double ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double timed(const struct bench *bench, long calls, double *cpu)
{
	double cpu_start = ns(CLOCK_THREAD_CPUTIME_ID), start = ns(CLOCK_MONOTONIC), end;

	for (long i = 0; i < calls; i++)
		bench->call();
	end = ns(CLOCK_MONOTONIC);
	*cpu = (ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start) / calls;
	return (end - start) / calls;
}

/* `probes` calls tell how many make a batch; as many before them warm up. */
static void run(const struct bench *bench, int batches, long probes)
{
	double cpu, each;

	if (bench->before)
		bench->before();
	timed(bench, probes, &cpu);
	each = timed(bench, probes, &cpu);
	for (int i = 0; i < batches; i++) {
		double wall = timed(bench, BATCH_NS / each + 1, &cpu);

		printf("%s\t%.3f\t%.3f\n", bench->name, wall, cpu);
	}
}
