/* Echoes: listens on a free port of 127.0.0.1, prints it, serves argv[1] connections
 * and ends. Every call that a signal may interrupt is asked again. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_somewhere(struct sockaddr_in *at)
{
	socklen_t size = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)at, size) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)at, &size) < 0)
		return -1;
	return fd;
}

static int send_all(int fd, const char *data, ssize_t left)
{
	for (ssize_t done; left > 0; data += done, left -= done)
		if ((done = TEMP_FAILURE_RETRY(send(fd, data, left, MSG_NOSIGNAL))) < 0)
			return -1;
	return 0;
}

static int echo(int fd)
{
	char buf[4096];
	ssize_t got;

	while ((got = TEMP_FAILURE_RETRY(recv(fd, buf, sizeof(buf), 0))) > 0)
		if (send_all(fd, buf, got) < 0)
			return -1;
	return got;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int server = listen_somewhere(&at);

	if (server < 0)
		return perror("listen"), 1;
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	for (int left = argc > 1 ? atoi(argv[1]) : 1; left > 0; left--) {
		int fd = TEMP_FAILURE_RETRY(accept4(server, NULL, NULL, SOCK_CLOEXEC));

		if (fd < 0 || echo(fd) < 0)
			return perror("serve"), 1;
		close(fd); /* closed even when interrupted: never ask again */
	}
	return 0;
}
