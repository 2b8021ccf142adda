/* SS_AUTODISARM: the alternate stack is off while a handler is on it, and on again
 * behind it; so the handler may set another. Many times: what is set is not to be had
 * at the cost of memory. */
#include "inline.h"
#include <signal.h>
#include <sys/mman.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

enum { SIZE = 8192, TIMES = 3000, KIB = 64 * 1024 };

static char *stack, *other;

static void show(const char *what)
{
	stack_t now;

	CHECK(inline2(SYS_sigaltstack, 0, &now) == 0);
	printf("%s: at %s, size %zu, flags %x\n", what,
	       !now.ss_sp	    ? "0"
	       : now.ss_sp == stack ? "the stack"
				    : "another",
	       now.ss_size, (unsigned int)now.ss_flags);
}

static void handler(int number)
{
	stack_t new = { .ss_sp = other, .ss_size = SIZE };

	(void)number;
	show("in the handler");
	told("another", inline2(SYS_sigaltstack, &new, 0));
	show("then");
}

static long address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages;

	CHECK(file && fscanf(file, "%ld", &pages) == 1 && fclose(file) == 0);
	return pages * 4;
}

static void many(void)
{
	stack_t new = { .ss_sp = stack, .ss_size = SIZE },
		off = { .ss_flags = SS_DISABLE };
	long before = address_space();

	for (int i = 0; i < TIMES; i++) {
		CHECK(inline2(SYS_sigaltstack, &new, 0) == 0);
		if (i % 2)
			CHECK(inline2(SYS_sigaltstack, &off, 0) == 0);
	}
	CHECK(address_space() - before < KIB);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	stack_t new = { .ss_size = SIZE, .ss_flags = (int)SS_AUTODISARM };

	stack = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	other = stack + SIZE;
	new.ss_sp = stack;
	told("set", inline2(SYS_sigaltstack, &new, 0));
	show("then");
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0);
	show("behind it");
	CHECK(raise(SIGUSR1) == 0);
	show("behind it");
	many();
	return passed();
}
