/* The optional mode of open and its kin: read exactly when O_CREAT or O_TMPFILE asks
 * for one, and handed on unchanged. Makes its files in the current directory. */
#include "target.h"
#include <sys/stat.h>

static void show(const char *what, int fd)
{
	struct stat st;

	if (fd < 0) {
		report(what, fd);
		return;
	}
	CHECK(fstat(fd, &st) == 0);
	printf("%s: %06o\n", what, st.st_mode);
	close(fd);
}

int main(void)
{
	umask(022);
	show("open O_CREAT 0640", open("open", O_RDWR | O_CREAT | O_EXCL, 0640));
	show("open again", open("open", O_RDONLY));
	show("open O_CREAT, exists", open("open", O_RDWR | O_CREAT, 0777));
	show("open O_TMPFILE 0600", open(".", O_RDWR | O_TMPFILE, 0600));
	show("open O_DIRECTORY", open(".", O_RDONLY | O_DIRECTORY));
	show("openat O_CREAT 0604",
	     openat(AT_FDCWD, "openat", O_WRONLY | O_CREAT | O_EXCL, 0604));
	show("openat O_TMPFILE 0400", openat(AT_FDCWD, ".", O_WRONLY | O_TMPFILE, 0400));
	show("open64 O_CREAT 0460", open64("open64", O_RDWR | O_CREAT | O_EXCL, 0460));
	show("open64 again", open64("open64", O_RDWR));
	show("openat64 O_CREAT 07711",
	     openat64(AT_FDCWD, "openat64", O_RDWR | O_CREAT | O_EXCL, 07711));
	show("creat 0", creat("creat", 0));
	show("open O_EXCL, exists", open("open", O_RDWR | O_CREAT | O_EXCL, 0600));
	show("open missing", open("missing", O_RDONLY));
	return passed();
}
