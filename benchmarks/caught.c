/* Cost of syscalls that come through none of our names: `caught BATCHES [armed]`. Output as
 * batches.h says. By libc's own code, called at its address, and by an inline instruction. With
 * `armed` the thread is armed for Syscall User Dispatch, prctl(2), and all of its memory
 * may make syscalls: what it costs where nothing is caught. */
#define _GNU_SOURCE
#include "batches.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

static const struct bench benches[] = {
	{ "libc getppid", by_libc, NULL },
	{ "libc read", read_by_libc, NULL },
	{ "inline getppid", inline_one, NULL },
};

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
		run(&benches[i], atoi(argv[1]), PROBES);
	return 0;
}
