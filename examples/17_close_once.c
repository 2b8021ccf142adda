/* Closes once: close(2) says that on Linux the descriptor is gone whatever it returned. */
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
	if (close(fd) < 0 && errno != EINTR) {
		perror("close");
		return 1;
	}
	return 0;
}
