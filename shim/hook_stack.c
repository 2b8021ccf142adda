/* Rules in hook_stack.h. */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>
#include "hook_stack.h"
#include "sys.h"

enum { STACK = 8 << 20, SMALL = 64 << 10, GUARD = 4096, MOST = 32 };

static size_t size = STACK;

static struct {
	char *top;
	bool in_use;
} stacks[MOST];

/* Memory comes as it is touched; the guard below turns an overflow into SIGSEGV. */
static char *stack_make(void)
{
	long at = sys6(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (at < 0 && at > -4096)
		return NULL;
	sys3(__NR_mprotect, at, GUARD, PROT_NONE);
	return (char *)at + size;
}

char *stack_take(void)
{
	for (int i = 0; i < MOST; i++) {
		if (stacks[i].in_use)
			continue;
		if (!stacks[i].top)
			stacks[i].top = stack_make();
		stacks[i].in_use = stacks[i].top;
		return stacks[i].top;
	}
	return NULL;
}

char *stack_take_small(void)
{
	size = SMALL;
	return stack_take();
}

bool stack_is_small(void)
{
	return size == SMALL;
}

void stack_give(const char *top)
{
	int i = 0;

	while (stacks[i].top != top)
		i++;
	stacks[i].in_use = false;
}
