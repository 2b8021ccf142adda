/* Puts stdin into the file argv[1] so that a reader sees the old content or the new
 * one, never a part: temporary file, write, fsync, rename. On a full disk it says so,
 * removes the temporary file, and the old content stays. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *data, ssize_t left)
{
	for (ssize_t done; left > 0; data += done, left -= done)
		if ((done = TEMP_FAILURE_RETRY(write(fd, data, left))) < 0)
			return -1;
	return 0;
}

static int fill(int fd)
{
	char buf[4096];
	ssize_t got;

	while ((got = TEMP_FAILURE_RETRY(read(STDIN_FILENO, buf, sizeof(buf)))) > 0)
		if (write_all(fd, buf, got) < 0)
			return -1;
	return got < 0 ? -1 : TEMP_FAILURE_RETRY(fsync(fd));
}

/* On Linux an interrupted close has closed; asking again might close another's fd. */
static int close_once(int fd)
{
	return close(fd) < 0 && errno != EINTR ? -1 : 0;
}

static int save(const char *path, const char *tmp)
{
	int fd = TEMP_FAILURE_RETRY(open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	if (fd < 0)
		return -1;
	if (fill(fd) < 0) /* fd goes with the process */
		return -1;
	return close_once(fd) < 0 ? -1 : rename(tmp, path);
}

int main(int argc, char **argv)
{
	char tmp[4096];

	if (argc != 2 || snprintf(tmp, sizeof(tmp), "%s.tmp", argv[1]) >= (int)sizeof(tmp))
		return fprintf(stderr, "usage: file_writer PATH\n"), 2;
	if (save(argv[1], tmp) == 0)
		return 0;
	fprintf(stderr, "file_writer: %s not written: %s\n", argv[1], strerror(errno));
	unlink(tmp);
	return 1;
}
