/* Cost of syscalls that come through none of our names: `caught BATCHES [armed]`. Output as
 * bench.c's. By libc's own code, called at its address, and by an inline instruction. With
 * `armed` the thread is armed for Syscall User Dispatch, prctl(2), and all of its memory
 * may make syscalls: what it costs where nothing is caught. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH_NS 2e6
#define PROBES 8

static int zero;
static pid_t (*libc_getppid)(void);
static ssize_t (*libc_read)(int, void *, size_t);

static void by_libc(void)
{
	libc_getppid();
}

static void read_by_libc(void)
{
	char byte;

	libc_read(zero, &byte, 1);
}

static void inline_one(void)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(SYS_getppid) : "rcx", "r11", "memory");
}

static const struct bench {
	const char *name;
	void (*call)(void);
} benches[] = {
	{ "libc getppid", by_libc },
	{ "libc read", read_by_libc },
	{ "inline getppid", inline_one },
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
	double cpu, each = timed(bench, PROBES, &cpu);

	each = timed(bench, PROBES, &cpu);
	for (int i = 0; i < batches; i++) {
		double wall = timed(bench, BATCH_NS / each + 1, &cpu);

		printf("%s\t%.3f\t%.3f\n", bench->name, wall, cpu);
	}
}

int main(int argc, char **argv)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);

	*(void **)&libc_getppid = dlsym(libc, "getppid");
	*(void **)&libc_read = dlsym(libc, "read");
	zero = open("/dev/zero", O_RDONLY);
	if (argc < 2 || zero < 0 || !libc_getppid || !libc_read)
		return 2;
	/* PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON */
	if (argc > 2 && prctl(59, 1, 0, ~0ul, 0)) {
		perror("caught: prctl");
		return 1;
	}
	for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		run(&benches[i], atoi(argv[1]));
	return 0;
}
