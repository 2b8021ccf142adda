/* What Python hooks are asked about: `hooks BATCHES NAME...` measures the calls named,
 * output as bench.c's, with tabs; `hooks 0 ask` makes one call that a hook wants and ends,
 * `hooks 0 rest` none. Of several threads: the wall clock and the process's CPU time over
 * all of their calls. Names that end in ", handlers" run with a signal handler installed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH_NS 2e6
#define PROBES 64
#define THREADS 8
#define EACH 1000

static int zero;
static pid_t (*libc_getppid)(void);
static pthread_barrier_t line;

/* Refused by libc: a call without a syscall. */
static void no_syscall(void)
{
	futimens(-1, NULL);
}

static void read_byte(void)
{
	char byte;

	if (read(zero, &byte, 1) < 0)
		exit(1);
}

static void path_that_matches(void)
{
	struct stat st;

	stat("/dev/null", &st);
}

static void other_path(void)
{
	struct stat st;

	stat("/dev/zero", &st);
}

static void by_libc(void)
{
	libc_getppid();
}

static void *one_of_many(void *unused)
{
	pthread_barrier_wait(&line);
	for (int i = 0; i < EACH; i++)
		no_syscall();
	return unused;
}

static void *asks_once(void *unused)
{
	no_syscall();
	return unused;
}

static void start(pthread_t *thread, void *(*function)(void *))
{
	if (pthread_create(thread, NULL, function, NULL)) {
		perror("hooks: thread");
		exit(1);
	}
}

static void eight_threads(void)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&line, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		start(threads + i, one_of_many);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void fresh_thread(void)
{
	pthread_t thread;

	start(&thread, asks_once);
	pthread_join(thread, NULL);
}

static const struct bench {
	const char *name;
	void (*call)(void);
	int calls; /* that it makes */
} benches[] = {
	{ "no syscall", no_syscall, 1 },
	{ "read", read_byte, 1 },
	{ "stat, path matches", path_that_matches, 1 },
	{ "stat, another path", other_path, 1 },
	{ "getppid in libc", by_libc, 1 },
	{ "8 threads", eight_threads, THREADS * EACH },
	{ "fresh thread", fresh_thread, 1 },
	{ "no syscall, handlers", no_syscall, 1 },
	{ "8 threads, handlers", eight_threads, THREADS * EACH },
};

static double ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double timed(const struct bench *bench, long times, double *cpu)
{
	double cpu_start = ns(CLOCK_PROCESS_CPUTIME_ID), start = ns(CLOCK_MONOTONIC), end;

	for (long i = 0; i < times; i++)
		bench->call();
	end = ns(CLOCK_MONOTONIC);
	*cpu = (ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_start) / times / bench->calls;
	return (end - start) / times / bench->calls;
}

static void run(const struct bench *bench, int batches)
{
	double cpu, each;
	long probes = bench->calls > 1 ? 1 : PROBES;

	timed(bench, probes, &cpu); /* warms up */
	each = timed(bench, probes, &cpu) * bench->calls;
	for (int i = 0; i < batches; i++) {
		double wall = timed(bench, BATCH_NS / each + 1, &cpu);

		printf("%s\t%.3f\t%.3f\n", bench->name, wall, cpu);
	}
}

static void nothing(int signal)
{
	(void)signal;
}

static void run_named(const char *name, int batches)
{
	if (strstr(name, ", handlers"))
		signal(SIGUSR1, nothing);
	for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		if (strcmp(benches[i].name, name) == 0)
			run(benches + i, batches);
}

int main(int argc, char **argv)
{
	int batches = argc > 2 ? atoi(argv[1]) : -1;

	if (batches < 0)
		return 2;
	if (!batches) {
		if (strcmp(argv[2], "ask") == 0)
			no_syscall();
		return 0;
	}
	*(void **)&libc_getppid = dlsym(dlopen("libc.so.6", RTLD_NOW), "getppid");
	zero = open("/dev/zero", O_RDONLY);
	if (zero < 0 || !libc_getppid)
		return 2;
	for (int i = 2; i < argc; i++)
		run_named(argv[i], batches);
	return 0;
}
