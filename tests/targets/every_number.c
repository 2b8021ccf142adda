/* Syscalls by number. `every_number all FIRST LAST VALUE` makes each of them in a child, all
 * six arguments VALUE, and says how it went; `every_number NUMBER ARGUMENTS` makes one,
 * in the process itself. Arguments are numbers, or else text.
 *
 * Left out is what does not return to where it was called, what could not be undone, and
 * what never ends. */
#include "target.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { LEFT = 1234, MOST = 600 };
enum { SKIP = 1, SKIP_ZERO = 2, OTHER_NUMBER = 4 };

/* Numbers that the headers here may not have yet. */
enum { UPROBE = 336, URETPROBE = 335 };

static const uint8_t odd[MOST] = {
	[SYS_rt_sigreturn] = SKIP,  /* goes wherever the stack says */
	[SYS_vfork] = SKIP,  /* the child returns over its parent's stack */
	[SYS_pause] = SKIP,  /* never ends */
	[SYS_vhangup] = SKIP,  /* takes the terminal away from all */
	[SYS_reboot] = SKIP,  /* not to be played with, nor are these: */
	[SYS_kexec_load] = SKIP,
	[SYS_kexec_file_load] = SKIP,
	[SYS_sync] = SKIP,  /* waits for all the disks */
	[SYS_msgget] = SKIP,  /* makes a queue that outlives us */
	[UPROBE] = SKIP,  /* the kernel's own, met with SIGILL */
	[URETPROBE] = SKIP,

	[SYS_select] = SKIP_ZERO,  /* wait for ever */
	[SYS_pselect6] = SKIP_ZERO,
	[SYS_ppoll] = SKIP_ZERO,
	[SYS_shmctl] = SKIP_ZERO,  /* IPC_RMID of the first there is */
	[SYS_semctl] = SKIP_ZERO,
	[SYS_msgctl] = SKIP_ZERO,
	[SYS_shmat] = SKIP_ZERO,
	[SYS_acct] = SKIP_ZERO,  /* ends the accounting */
	[SYS_sethostname] = SKIP_ZERO,
	[SYS_setdomainname] = SKIP_ZERO,

	/* A number of its own in every process, or at every time. */
	[SYS_brk] = OTHER_NUMBER,
	[SYS_clone] = OTHER_NUMBER,
	[SYS_fork] = OTHER_NUMBER,
	[SYS_getpid] = OTHER_NUMBER,
	[SYS_getppid] = OTHER_NUMBER,
	[SYS_gettid] = OTHER_NUMBER,
	[SYS_getpgrp] = OTHER_NUMBER,
	[SYS_getpgid] = OTHER_NUMBER,
	[SYS_getsid] = OTHER_NUMBER,
	[SYS_setsid] = OTHER_NUMBER,
	[SYS_set_tid_address] = OTHER_NUMBER,
	[SYS_time] = OTHER_NUMBER,
	[SYS_times] = OTHER_NUMBER,
};

/* By write(2) alone: the child may have entered seccomp meanwhile. */
static void tell(long number, long ret, int err)
{
	char line[80];
	int length;

	if (ret == -1 && err != LEFT)
		length = snprintf(line, sizeof(line), "%ld: %s\n", number, strerrorname_np(err));
	else if (odd[number] & OTHER_NUMBER)
		length = snprintf(line, sizeof(line), "%ld: a number\n", number);
	else
		length = snprintf(line, sizeof(line), "%ld: %ld\n", number, ret);
	CHECK(write(1, line, (size_t)length) == length);
}

static void in_child(long number, long value)
{
	pid_t self = getpid();

	errno = LEFT;
	long ret = syscall(number, value, value, value, value, value, value);
	int err = errno;

	/* The child of fork or clone, which has nothing to tell. */
	if (ret == 0 && odd[number] & OTHER_NUMBER && syscall(SYS_getpid) != self)
		_exit(0);
	tell(number, ret, err);
	_exit(0);
}

static void each(long first, long last, long value)
{
	for (long number = first; number <= last; number++) {
		int skip = value ? SKIP : SKIP | SKIP_ZERO, status;

		if (odd[number] & skip)
			continue;
		pid_t pid = fork();

		if (pid == 0)
			in_child(number, value);
		CHECK(pid > 0 && (status = wait_for(pid)) >= 0);
		if (status)
			printf("%ld: ended with %d\n", number, status);
		fflush(stdout);
	}
}

static long argument(const char *text)
{
	char *end;
	long value = strtol(text, &end, 0);

	return *end || !*text ? (long)text : value;
}

static void one(char **words)
{
	long args[7] = { 0 };

	for (int i = 0; i < 7 && words[i]; i++)
		args[i] = argument(words[i]);
	errno = LEFT;
	long ret = syscall(args[0], args[1], args[2], args[3], args[4], args[5], args[6]);

	tell(args[0], ret, errno);
}

int main(int argc, char **argv)
{
	/* What a syscall does to fd 0 is done to a file of ours. */
	CHECK(dup2(open(".", O_RDWR | O_TMPFILE, 0600), 0) == 0 && close(3) == 0);
	if (argc == 5 && !strcmp(argv[1], "all"))
		each(argument(argv[2]), argument(argv[3]), argument(argv[4]));
	else
		one(argv + 1);
	return passed();
}
