/* Rules in ports.h. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include "plan.h"
#include "ports.h"
#include "real.h"
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

static const union address *given(const struct call *call)
{
	switch (call->id) {
	case CALL_bind:
	case CALL_connect: return (const void *)call->args[1];
	case CALL_sendto: return (const void *)call->args[4];
	case CALL_sendmsg: return named_in((const void *)call->args[1]);
	default: return NULL;
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
	const union address *address = given(call);

	if (quiet)
		return false;
	if (address && readable(address, sizeof(address->four)) && port_in(address) == port)
		return true;
	return fd >= 0 && (socket_has(__NR_getpeername, fd, port)
			   || socket_has(__NR_getsockname, fd, port));
}
