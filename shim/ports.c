/* Rules in ports.h. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>
#include "plan.h"
#include "ports.h"
#include "sys.h"
#include "thread.h"

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/* sockaddr_in and sockaddr_in6 have it at the same place: ip(7), ipv6(7). */
static int port_in(const union address *address)
{
	bool has = address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;

	return has ? ntohs(address->four.sin_port) : -1;
}

static const union address *named_in(const struct msghdr *message)
{
	bool named = readable(message, sizeof(*message))
		&& message->msg_namelen >= sizeof(struct sockaddr_in);

	return named ? message->msg_name : NULL;
}

static bool has_port(const union address *address, uint16_t port)
{
	return address && readable(address, sizeof(address->four)) && port_in(address) == port;
}

/* The kernel takes no more at once, sendmmsg(2). */
static bool any_has_port(const struct mmsghdr *messages, uint32_t count, uint16_t port)
{
	for (uint32_t i = 0; i < count && i < 1024; i++)
		if (has_port(named_in(&messages[i].msg_hdr), port))
			return true;
	return false;
}

static bool is_given(const struct call *call, uint16_t port)
{
	const void *second = (const void *)call->args[1];

	switch (call_number(call)) {
	case __NR_bind:
	case __NR_connect: return has_port(second, port);
	/* send(2) is one without an address. */
	case __NR_sendto:
		return rows[call->id].nargs > 4 && has_port((const void *)call->args[4], port);
	case __NR_sendmsg: return has_port(named_in(second), port);
	case __NR_sendmmsg: return any_has_port(second, (uint32_t)call->args[2], port);
	default: return false;
	}
}

static bool socket_has(int nr, int fd, uint16_t port)
{
	union address address = { .any = { .sa_family = AF_UNSPEC } };
	uint32_t size = sizeof(address);

	return !sys3(nr, fd, &address, &size) && port_in(&address) == port;
}

bool port_is(const struct call *call, int fd, uint16_t port)
{
	if (quiet)
		return false;
	if (is_given(call, port))
		return true;
	return fd >= 0 && (socket_has(__NR_getpeername, fd, port)
			   || socket_has(__NR_getsockname, fd, port));
}
