/* The same copy, done right: EINTR means "nothing happened yet, ask again", and a
 * write may take less than it was given. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int open_again(const char *path)
{
	int fd;

	do
		fd = open(path, O_RDONLY);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int write_all(int fd, const char *data, size_t left)
{
	while (left > 0) {
		ssize_t done = write(fd, data, left);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			data += done;
			left -= done;
		}
	}
	return 0;
}

static int copy(int from, int to)
{
	char buf[4096];
	ssize_t got;

	while ((got = read(from, buf, sizeof(buf))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || write_all(to, buf, got) < 0) {
			perror("copy");
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int from = argc > 1 ? open_again(argv[1]) : STDIN_FILENO;

	if (from < 0) {
		perror(argv[1]);
		return 1;
	}
	return copy(from, STDOUT_FILENO);
}
