/* Allocates where hardly anything is there: in a constructor, while ld.so resolves a
 * function, in a handler of atexit(3), in a destructor, in a vfork's child. */
#include "target.h"

static int answer(void)
{
	return 42;
}

/* ld.so runs it while it relocates; by then malloc is bound, by -z lazy. */
static int (*resolve(void))(void)
{
	return answer;
}

int resolved(void) __attribute__((ifunc("resolve")));

static char *early;

__attribute__((constructor)) static void begin(void)
{
	early = strdup("early");
}

__attribute__((destructor)) static void end(void)
{
	char *late = strdup("late\n");

	CHECK(write(1, late, strlen(late)) == 5);
	free(late);
}

static void at_exit(void)
{
	free(realloc(malloc(10), 10000));
}

int main(void)
{
	CHECK(!strcmp(early, "early") && resolved() == 42);
	CHECK(!atexit(at_exit));
	pid_t pid = vfork();

	if (!pid) {
		free(malloc(100));
		_exit(9);
	}
	CHECK(wait_for(pid) == 9);
	free(early);
	return passed();
}
