/* ADDRESS ONE TWO: makes every call that has a port, on port ONE and on port TWO, and prints
 * what each returned. What fails is made again without libc, so that the next can be. */
#include "target.h"
#include "inline.h"
#include <arpa/inet.h>
#include <signal.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_un un;
};

static int family;
static socklen_t size;

static union address address_of(const char *text, const char *port)
{
	union address address = { .any = { .sa_family = AF_INET } };

	address.four.sin_port = htons((uint16_t)atoi(port));
	size = sizeof(address.four);
	if (strchr(text, ':')) {
		address.any.sa_family = AF_INET6;
		CHECK(inet_pton(AF_INET6, text, &address.six.sin6_addr) == 1);
		size = sizeof(address.six);
	} else {
		CHECK(inet_pton(AF_INET, text, &address.four.sin_addr) == 1);
	}
	family = address.any.sa_family;
	return address;
}

/* The result of `made`, told; where it failed that of the syscall. */
#define TOLD(call, port, made, nr, ...)                                                \
	({                                                                             \
		long ret_ = made;                                                      \
		printf("%s %s: %s\n", call, port,                                      \
		       ret_ < 0 ? strerrorname_np(errno) : "ok");                      \
		if (ret_ < 0)                                                          \
			ret_ = inline6(nr, __VA_ARGS__);                               \
		CHECK(ret_ >= 0);                                                      \
		(int)ret_;                                                             \
	})

/* The same function by another name. */
int __connect(int fd, const struct sockaddr *address, socklen_t length);

static void stream(const char *text, const char *port, const char *name)
{
	union address address = address_of(text, port), seen;
	int heard = socket(family, SOCK_STREAM, 0), end = socket(family, SOCK_STREAM, 0);
	socklen_t seen_size = sizeof(seen);
	char byte = 'x';
	int other;

	CHECK(heard >= 0 && end >= 0);
	CHECK(!setsockopt(heard, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	TOLD("bind", name, bind(heard, &address.any, size), SYS_bind, heard, (long)&address,
	     size, 0, 0, 0);
	TOLD("listen", name, listen(heard, 1), SYS_listen, heard, 1, 0, 0, 0, 0);
	TOLD("connect", name, connect(end, &address.any, size), SYS_connect, end,
	     (long)&address, size, 0, 0, 0);
	other = TOLD("accept", name, accept(heard, &seen.any, &seen_size), SYS_accept, heard, 0,
		     0, 0, 0, 0);
	TOLD("send", name, send(end, &byte, 1, 0), SYS_sendto, end, (long)&byte, 1, 0, 0, 0);
	TOLD("recv", name, recv(other, &byte, 1, 0), SYS_recvfrom, other, (long)&byte, 1, 0, 0,
	     0);
	TOLD("write", name, write(other, &byte, 1), SYS_write, other, (long)&byte, 1, 0, 0, 0);
	close(heard);
	close(end);
	close(other);
}

static void datagrams(const char *text, const char *port, const char *name)
{
	union address address = address_of(text, port);
	struct iovec piece = { "x", 1 };
	struct msghdr message = { .msg_name = &address, .msg_namelen = size, .msg_iov = &piece,
				  .msg_iovlen = 1 };
	struct mmsghdr several = { .msg_hdr = message };
	int fd = socket(family, SOCK_DGRAM, 0);

	CHECK(fd >= 0);
	TOLD("sendto", name, sendto(fd, "x", 1, 0, &address.any, size), SYS_sendto, fd,
	     (long)"x", 1, 0, (long)&address, size);
	TOLD("sendmsg", name, sendmsg(fd, &message, 0), SYS_sendmsg, fd, (long)&message, 0, 0,
	     0, 0);
	TOLD("sendmmsg", name, sendmmsg(fd, &several, 1, 0), SYS_sendmmsg, fd, (long)&several, 1,
	     0, 0, 0);
	TOLD("__connect", name, __connect(fd, &address.any, size), SYS_connect, fd,
	     (long)&address, size, 0, 0, 0);
	close(fd);
}

/* Of another family, of which bytes 2 and 3 are a port's to who does not look. */
static void no_ports(const char *port)
{
	union address address = { .any = { .sa_family = AF_UNIX } };
	uint16_t number = htons((uint16_t)atoi(port));
	int fds[2], fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.un.sun_path, &number, sizeof(number));
	report("connect unix", connect(fd, &address.any, sizeof(address)));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	report("send unix", send(fds[0], "x", 1, 0));
	report("send closed", send(-1, "x", 1, 0));
	report("connect bad", connect(fds[0], (void *)8, size));
	report("connect short", connect(fd, &address.any, 1));
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return passed();
	signal(SIGPIPE, SIG_IGN);
	stream(argv[1], argv[2], "one");
	stream(argv[1], argv[3], "two");
	datagrams(argv[1], argv[2], "one");
	datagrams(argv[1], argv[3], "two");
	no_ports(argv[2]);
	return passed();
}
