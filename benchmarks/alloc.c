/* Cost of an allocation: `alloc BATCHES`. Output as bench.c's, but tabs between. Each call is
 * what its name says and the free(3) of it; in the last, another thread is there. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_NS 2e6
#define PROBES 1000

static void small(void)
{
	void *volatile block = malloc(32);

	free(block);
}

static void zeroed(void)
{
	void *volatile block = calloc(4, 64);

	free(block);
}

static void copied(void)
{
	char *volatile text = strdup("the text of a string");

	free(text);
}

static void *wait_for_ever(void *gate)
{
	pthread_mutex_lock(gate);
	return NULL;
}

static void beside_a_thread(void)
{
	static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;

	pthread_mutex_lock(&gate);
	pthread_create(&thread, NULL, wait_for_ever, &gate);
}

static const struct bench {
	const char *name;
	void (*call)(void), (*before)(void);
} benches[] = {
	{ "malloc", small, NULL },
	{ "calloc", zeroed, NULL },
	{ "strdup", copied, NULL },
	{ "malloc, threads", small, beside_a_thread },
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

static void run(const struct bench *bench, int batches)
{
	double cpu, each;
	long calls;

	if (bench->before)
		bench->before();
	timed(bench, PROBES, &cpu); /* the first ones warm up */
	each = timed(bench, PROBES, &cpu);
	calls = BATCH_NS / each + 1;
	for (int i = 0; i < batches; i++) {
		double wall = timed(bench, calls, &cpu);

		printf("%s\t%.3f\t%.3f\n", bench->name, wall, cpu);
	}
}

int main(int argc, char **argv)
{
	int batches = argc > 1 ? atoi(argv[1]) : 10;

	if (batches < 1)
		return 2;
	for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		run(&benches[i], batches);
	return 0;
}
