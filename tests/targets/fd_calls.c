/* Takes descriptors as its arguments say, and keeps them: `dup: ok`, or the errno. */
#include "target.h"
#include <sys/resource.h>
#include <sys/socket.h>

static struct rlimit limit;

static int lower(void)
{
	limit.rlim_cur = 4;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

/* With the header of a descriptor there already: one of its own, that nobody sent. */
static long receive(void)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec piece = { &byte, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = (void *)control;
	int ends[2], own = open("/dev/null", O_RDONLY);

	CHECK(own >= 0 && !socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	*header = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &own, sizeof(own));
	CHECK(recvmsg(ends[0], &message, 0) == 1);
	return fcntl(own, F_GETFD);
}

int main(int argc, char **argv)
{
	(void)argc;
	closefrom(3);
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	for (char **word = argv + 1; *word; word++) {
		if (!strcmp(*word, "limit"))
			printf("limit: %lu\n", (unsigned long)limit.rlim_cur);
		else if (!strcmp(*word, "lower"))
			report(*word, lower());
		else if (!strcmp(*word, "dup"))
			report(*word, dup(0));
		else if (!strcmp(*word, "open"))
			report(*word, open("/dev/null", O_RDONLY));
		else if (!strcmp(*word, "open_zero"))
			report(*word, open("/dev/zero", O_RDONLY));
		else if (!strcmp(*word, "receive"))
			report(*word, receive());
		else
			return 1;
	}
	return passed();
}
