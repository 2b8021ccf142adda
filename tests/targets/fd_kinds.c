/* fsync(2) of one descriptor of each kind: what it said. */
#include "target.h"
#include <sys/epoll.h>
#include <sys/socket.h>

int main(void)
{
	int ends[2], pair[2];

	CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	report("file", fsync(open("/proc/self/exe", O_RDONLY)));
	report("dir", fsync(open("/", O_RDONLY)));
	report("pipe", fsync(ends[0]));
	report("socket", fsync(pair[0]));
	report("tty", fsync(open("/dev/ptmx", O_RDWR | O_NOCTTY)));
	report("device", fsync(open("/dev/null", O_RDONLY)));
	report("neither", fsync(epoll_create1(0)));
	report("closed", fsync(99));
	report("none", fsync(-1));
	return passed();
}
