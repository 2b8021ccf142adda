/* Closes again when close is interrupted. Linux has closed by then: what the second
 * close hits may be a file that another thread has just opened. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = open(argv[argc - 1], O_RDONLY);

	if (fd < 0) {
		perror(argv[argc - 1]);
		return 1;
	}
	while (close(fd) < 0 && errno == EINTR)
		;
	return 0;
}
