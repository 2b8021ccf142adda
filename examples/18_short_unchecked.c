/* Copies stdin to stdout, and takes a write that did not fail for a whole one. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char buf[4096];
	ssize_t got;

	while ((got = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		if (write(STDOUT_FILENO, buf, got) < 0) {
			perror("write");
			return 1;
		}
	}
	return got < 0;
}
