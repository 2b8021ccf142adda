/* Writes as the kernel takes it, by pwritev2(2): an offset in two words, then the flags. By
 * a function, by number and inline; with a flag of its own each, or with none. */
#include "target.h"
#include "inline.h"
#include <sys/uio.h>

int main(void)
{
	struct iovec piece = { "abc", 3 };
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	long ret;

	CHECK(fd >= 0);
	report("function", pwritev2(fd, &piece, 1, 0, RWF_DSYNC));
	report("number", syscall(SYS_pwritev2, fd, &piece, 1, 0, 0, RWF_DSYNC));
	ret = inline6(SYS_pwritev2, fd, (long)&piece, 1, 0, 0, RWF_DSYNC);
	errno = ret < 0 ? (int)-ret : 0;
	report("inline", ret < 0 ? -1 : 0);
	ret = inline6(SYS_pwritev2, fd, (long)&piece, 1, 0, RWF_DSYNC, 0);
	errno = ret < 0 ? (int)-ret : 0;
	report("inline, without", ret < 0 ? -1 : 0);
	return passed();
}
