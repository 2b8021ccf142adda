/* Copies stdin to stdout, and writes on where a write has stopped. */
#include <stdio.h>
#include <unistd.h>

static int write_all(const char *data, size_t size)
{
	while (size > 0) {
		ssize_t done = write(STDOUT_FILENO, data, size);

		if (done < 0)
			return -1;
		data += done;
		size -= done;
	}
	return 0;
}

int main(void)
{
	char buf[4096];
	ssize_t got;

	while ((got = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		if (write_all(buf, got) < 0) {
			perror("write");
			return 1;
		}
	}
	return got < 0;
}
