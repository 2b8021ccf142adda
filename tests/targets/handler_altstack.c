/* A handler on an alternate stack makes calls, and finds its frame as it left it. */
#include "inline.h"
#include <signal.h>

static char memory[65536];

static void handler(int number)
{
	char kept[2048];

	(void)number;
	memset(kept, 'k', sizeof(kept));
	__asm__ volatile("" : : "r"(kept) : "memory");
	CHECK(getppid() > 0 && inline0(SYS_getppid) > 0);
	for (size_t i = 0; i < sizeof(kept); i++)
		CHECK(kept[i] == 'k');
}

int main(void)
{
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(raise(SIGUSR1) == 0);
	return passed();
}
