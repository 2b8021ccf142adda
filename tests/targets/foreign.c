/* A child that the shim can't be in: it says what it got and starts a child of its own.
 * Without target.h, which only glibc can compile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	int settings = 0;

	for (char **each = environ; *each; each++)
		settings += strncmp(*each, "A=", 2) != 0;
	printf("%d %s %d\n", argc, argc > 1 ? argv[1] : "", settings);
	fflush(stdout);
	if (argc > 1 && system(argv[1]) != 6 << 8)
		return 1;
	fprintf(stderr, "careful\n");
	return 5;
}
