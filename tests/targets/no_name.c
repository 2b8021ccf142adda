/* Calls on a file that has no name any more, and of a descriptor by an empty name. */
#include "target.h"
#include <sys/stat.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
	struct statx more;
	struct stat st;
	int fd = open(argv[argc - 1], O_RDWR | O_CREAT | O_EXCL, 0600);

	CHECK(fd >= 0);
	report("named", fsync(fd));
	report("fstatat", fstatat(fd, "", &st, AT_EMPTY_PATH));
	report("statx", statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &more));
	report("inside", syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH));
	report("nothing", openat(fd, "", O_RDONLY));
	CHECK(unlink(argv[argc - 1]) == 0);
	report("unlinked", fsync(fd));
	return passed();
}
