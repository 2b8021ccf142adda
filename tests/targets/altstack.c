/* A handler on an alternate stack of the old SIGSTKSZ, 8 KiB, opens a file: what stands
 * between it and libc must fit beside the signal frame. */
#include "target.h"
#include <signal.h>
#include <sys/mman.h>

enum { PAGE = 4096, STACK = 8192 };

static volatile sig_atomic_t opened;

static void handler(int number)
{
	int fd = open("/dev/zero", O_RDONLY);

	(void)number;
	opened = fd >= 0;
	close(fd);
}

int main(void)
{
	char *map = mmap(NULL, PAGE + STACK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = map + PAGE, .ss_size = STACK };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	CHECK(map != MAP_FAILED && mprotect(map, PAGE, PROT_NONE) == 0);
	CHECK(sigaltstack(&stack, NULL) == 0);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0);
	CHECK(opened);
	return passed();
}
