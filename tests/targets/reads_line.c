/* Waits for a line in a read(2) that libc makes by itself, in functions of its own. */
#include "target.h"

__attribute__((noinline)) static int inner(char *line, int size)
{
	return fgets(line, size, stdin) != NULL;
}

__attribute__((noinline)) static int outer(void)
{
	char line[80];

	return inner(line, sizeof(line)) + 1;
}

__attribute__((noinline)) static void after(int lines)
{
	printf("lines: %d\n", lines);
}

int main(void)
{
	puts("reading");
	CHECK(fflush(stdout) == 0);
	after(outer() - 1);
	return passed();
}
