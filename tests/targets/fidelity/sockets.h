/* Sockets: of the kernel's own, or on the loopback interface. */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>

static struct sockaddr_in address = { .sin_family = AF_INET };
static struct sockaddr_un named = { .sun_family = AF_UNIX };

/* An address that only this process knows, by autobind: unix(7). */
WORD(listen_unix)
{
	int fd = socket(AF_UNIX, (int)a[0], 0);
	socklen_t size = sizeof(named);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&named, sizeof(sa_family_t)) == 0);
	CHECK(a[0] != SOCK_STREAM || listen(fd, (int)a[1]) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&named, &size) == 0);
	keep('z', size);
	return fd;
}

WORD(listen_tcp)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = 0;
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(fd, 4) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	return fd;
}

WORD(connect_tcp) { return connect((int)a[0], (struct sockaddr *)&address, sizeof(address)); }
WORD(connect_unix)
{
	return connect((int)a[0], (struct sockaddr *)&named, (socklen_t)shared->vars['z' - 'a']);
}

WORD(connect_path)
{
	struct sockaddr_un there = { .sun_family = AF_UNIX };

	strcpy(there.sun_path, TEXT_OF(a[1]));
	return connect((int)a[0], (struct sockaddr *)&there, sizeof(there));
}

/* Two connected ends, s and t. */
WORD(tcp)
{
	long none[MOST_ARGUMENTS] = { 0 };
	int listener = (int)do_listen_tcp(none);

	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(pair[0] >= 0 && do_connect_tcp((long[]){ pair[0] }) == 0);
	pair[1] = accept(listener, NULL, NULL);
	CHECK(pair[1] >= 0);
	close(listener);
	return two(0, 's', 't');
}

WORD(listen) { return listen((int)a[0], 4); }
WORD(accept) { return accept((int)a[0], NULL, NULL); }
WORD(accept4) { return accept4((int)a[0], NULL, NULL, (int)a[1]); }
WORD(shutdown) { return shutdown((int)a[0], (int)a[1]); }
WORD(send) { return taken(send((int)a[0], NEXT, (size_t)a[1], (int)a[2])); }
WORD(sendto) { return taken(sendto((int)a[0], NEXT, (size_t)a[1], (int)a[2], NULL, 0)); }
WORD(recv) { return recv((int)a[0], got, (size_t)a[1], (int)a[2]); }
WORD(recvfrom) { return recvfrom((int)a[0], got, (size_t)a[1], (int)a[2], NULL, NULL); }

static struct msghdr *message(unsigned char *from, const long *sizes)
{
	static struct msghdr msg;

	msg = (struct msghdr){ .msg_iov = (struct iovec *)pieces_of(from, sizes),
			       .msg_iovlen = 2 };
	return &msg;
}

WORD(sendmsg) { return taken(sendmsg((int)a[0], message(NEXT, a + 1), (int)a[3])); }
WORD(recvmsg) { return recvmsg((int)a[0], message(got, a + 1), (int)a[3]); }

WORD(sendmmsg)
{
	struct mmsghdr all[2] = { { .msg_hdr = { .msg_iov = parts, .msg_iovlen = 1 } },
				  { .msg_hdr = { .msg_iov = parts, .msg_iovlen = 1 } } };

	pieces_of(NEXT, a + 1);
	return sendmmsg((int)a[0], all, 2, (int)a[3]);
}

WORD(recvmmsg)
{
	struct mmsghdr all[2] = { { .msg_hdr = { .msg_iov = parts, .msg_iovlen = 1 } },
				  { .msg_hdr = { .msg_iov = parts, .msg_iovlen = 1 } } };

	pieces_of(got, a + 1);
	return recvmmsg((int)a[0], all, 2, (int)a[3], NULL);
}

/* SO_RCVTIMEO or SO_SNDTIMEO, in milliseconds. */
WORD(timeout)
{
	struct timeval most = { a[2] / 1000, a[2] % 1000 * 1000 };

	return setsockopt((int)a[0], SOL_SOCKET, (int)a[1], &most, sizeof(most));
}

WORD(buffer)
{
	int size = (int)a[2];

	return setsockopt((int)a[0], SOL_SOCKET, (int)a[1], &size, sizeof(size));
}

/* Its close will be a reset: socket(7), SO_LINGER. */
WORD(linger)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	return setsockopt((int)a[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

WORD(error_of)
{
	int error = -1;
	socklen_t size = sizeof(error);

	CHECK(getsockopt((int)a[0], SOL_SOCKET, SO_ERROR, &error, &size) == 0);
	return error;
}

WORD(getaddrinfo)
{
	struct addrinfo hints = { .ai_flags = (int)a[2], .ai_family = (int)a[3] };
	struct addrinfo *found = NULL;
	char port[8];

	snprintf(port, sizeof(port), "%hu", (unsigned short)a[1]);
	int ret = getaddrinfo(TEXT_OF(a[0]), a[1] ? port : NULL, &hints, &found);

	CHECK(!ret == !!found);
	return ret;
}

#define WORDS_OF_SOCKETS                                                            \
	{ "listen_unix", do_listen_unix, DESCRIPTOR },                              \
	{ "listen_tcp", do_listen_tcp, DESCRIPTOR },                                \
	{ "connect_tcp", do_connect_tcp, NUMBER },                                  \
	{ "connect_unix", do_connect_unix, NUMBER },                                \
	{ "connect_path", do_connect_path, NUMBER }, { "tcp", do_tcp, TWO },        \
	{ "listen", do_listen, NUMBER }, { "accept", do_accept, DESCRIPTOR }, { "accept4", do_accept4, DESCRIPTOR }, \
	{ "shutdown", do_shutdown, NUMBER }, { "send", do_send, NUMBER },           \
	{ "sendto", do_sendto, NUMBER }, { "recv", do_recv, FILLED },               \
	{ "recvfrom", do_recvfrom, FILLED }, { "sendmsg", do_sendmsg, NUMBER },     \
	{ "recvmsg", do_recvmsg, FILLED }, { "sendmmsg", do_sendmmsg, NUMBER },     \
	{ "recvmmsg", do_recvmmsg, NUMBER }, { "timeout", do_timeout, NUMBER },     \
	{ "buffer", do_buffer, NUMBER }, { "linger", do_linger, NUMBER },             \
	{ "error_of", do_error_of, NUMBER },                                        \
	{ "getaddrinfo", do_getaddrinfo, EAI }
