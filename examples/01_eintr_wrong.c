/* Copies a file, or stdin, to stdout, and takes every -1 for a real error. A read or
 * write that a signal interrupts ends the copy in the middle: data is lost. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int copy(int from, int to)
{
	char buf[4096];
	ssize_t got;

	while ((got = read(from, buf, sizeof(buf))) > 0) {
		if (write(to, buf, got) != got) {
			perror("write");
			return 1;
		}
	}
	if (got < 0) {
		perror("read");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int from = argc > 1 ? open(argv[1], O_RDONLY) : STDIN_FILENO;

	if (from < 0) {
		perror(argv[1]);
		return 1;
	}
	return copy(from, STDOUT_FILENO);
}
