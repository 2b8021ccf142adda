/* Results of inline syscalls are the kernel's, errno is left alone, and a number that
 * is no syscall is one no more or less. */
#include "inline.h"

static void numbers(void)
{
	told("no such number", inline0(5000));
	told("negative number", inline0(-1));
	told("number with the bits of x32", inline0(0x40000000 | SYS_getpid));
	/* The kernel takes the lower half of the register. */
	CHECK(inline0((1ul << 32) | SYS_getppid) == getppid());
}

int main(void)
{
	char byte = 1;
	long fd;

	errno = EXDEV;
	told("no such file", inline3(SYS_openat, AT_FDCWD, "/bin/no-such-file", O_RDONLY));
	told("bad path", inline3(SYS_openat, AT_FDCWD, 8, O_RDONLY));
	told("bad fd", inline3(SYS_read, -1, &byte, 1));
	fd = inline3(SYS_openat, AT_FDCWD, "/dev/zero", O_RDONLY);
	told("open", fd);
	told("read", inline3(SYS_read, fd, &byte, 1));
	told("bad buffer", inline3(SYS_read, fd, 8, 1));
	told("close", inline1(SYS_close, fd));
	numbers();
	CHECK(byte == 0 && errno == EXDEV);
	return passed();
}
