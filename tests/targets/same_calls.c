/* Each call named on the command line nine times, and what the program sees of it: the
 * result, errno, the signals that came, the memory it pointed to. The time that the calls
 * took goes to stderr.
 *
 *     same_calls getpgid chdir ...
 *
 * By number through syscall(2), so that nothing of libc's comes in between; with arguments
 * that do no harm and give the same result each time, in whatever process. */
#include "target.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

enum { TIMES = 9 };

static char first[16], second[16];

#define FIRST ((long)first)
#define SECOND ((long)second)
#define CALL(name, ...) { #name, SYS_##name, { __VA_ARGS__ } }

static const struct {
	const char *name;
	long number;
	long args[6];
} calls[] = {
	CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getpgid, 0),
	CALL(getsid, 0), CALL(getpgrp), CALL(umask, 022), CALL(alarm, 0), CALL(sched_yield),
	CALL(sched_getscheduler, 0), CALL(sched_get_priority_max, 0),
	CALL(sched_get_priority_min, 1), CALL(getpriority, 0, 0), CALL(fsync, -1),
	CALL(fdatasync, -1), CALL(dup, -1), CALL(fchdir, -1), CALL(flock, -1, 0),
	CALL(ftruncate, -1, 0), CALL(lseek, -1, 0, 0), CALL(syncfs, -1),
	CALL(inotify_rm_watch, -1, 0), CALL(timer_getoverrun, 999), CALL(munlock, 0, 0),
	CALL(mlock, 0, 0), CALL(madvise, 0, 0, 0), CALL(fchmod, -1, 0),
	CALL(getgroups, -1, 0), CALL(epoll_wait, -1, 0, 1, 0), CALL(readahead, -1, 0, 0),
	CALL(sync_file_range, -1, 0, 0, 0), CALL(tee, -1, -1, 0, 0), CALL(msync, 0, 0, 0),
	CALL(fallocate, -1, 0, 0, 1), CALL(listen, -1, 0), CALL(shutdown, -1, 0),
	/* Those that point to memory, two of them to both. */
	CALL(chdir, FIRST), CALL(rmdir, FIRST), CALL(unlink, FIRST), CALL(chmod, FIRST, 0),
	CALL(truncate, FIRST, 0), CALL(rename, FIRST, SECOND),
	CALL(link, FIRST, SECOND), CALL(symlinkat, FIRST, -1, SECOND), CALL(getcwd, FIRST, 16),
	CALL(getitimer, -1, FIRST),
	CALL(renameat2, -1, FIRST, -1, SECOND, 0), CALL(linkat, -1, FIRST, -1, SECOND, 0),
	/* Read-only memory, and none. */
	CALL(mkdir, (long)"", 0), CALL(unlinkat, -1, 8, 0),
};

/* Raw, for libc hides two signals. None is ever handled: they wait until they are told. */
static void block_all(void)
{
	uint64_t all = ~0ull;

	CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8) == 0);
}

static void tell_signals(void)
{
	struct timespec now = { 0, 0 };
	uint64_t pending = 0;

	CHECK(syscall(SYS_rt_sigpending, &pending, 8) == 0);
	for (int number = 1; number <= 64; number++)
		if (pending >> (number - 1) & 1)
			printf(" signal %d", number);
	while (syscall(SYS_rt_sigtimedwait, &pending, NULL, &now, 8) > 0)
		;
}

static void tell_memory(const char *memory)
{
	printf(" ");
	for (size_t i = 0; i < sizeof(first); i++)
		printf(memory[i] > ' ' && memory[i] < 127 ? "%c" : "<%02x>",
		       (unsigned char)memory[i]);
}

static void make(size_t which)
{
	const long *a = calls[which].args;
	struct timespec before, after;

	memset(first, 'f', sizeof(first) - 1);
	memset(second, 's', sizeof(second) - 1);
	clock_gettime(CLOCK_MONOTONIC, &before);
	errno = 0;
	long ret = syscall(calls[which].number, a[0], a[1], a[2], a[3], a[4], a[5]);
	int err = errno;

	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("%s: %ld %d", calls[which].name, ret, err);
	tell_signals();
	tell_memory(first);
	tell_memory(second);
	printf("\n");
	fprintf(stderr, "%s %ld\n", calls[which].name,
		(after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec);
}

int main(int argc, char **argv)
{
	static char out[1 << 17];

	setvbuf(stdout, out, _IOFBF, sizeof(out));
	block_all();
	for (int i = 1; i < argc; i++)
		for (size_t which = 0; which < sizeof(calls) / sizeof(*calls); which++)
			for (int turn = 0; turn < TIMES && !strcmp(argv[i], calls[which].name); turn++)
				make(which);
	return 0;
}
