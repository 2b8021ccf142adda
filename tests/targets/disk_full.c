/* Fills the disk of the working directory by a file, and prints what calls return then that
 * fail for another reason. */
#include "target.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { OTHER_FLAG = 1 << 24 };

static char data[1 << 20];
static int fd, again, reads, writes;

static void told(const char *what, long ret)
{
	printf("%s: %ld%s%s\n", what, ret, ret < 0 ? " " : "",
	       ret < 0 ? strerrorname_np(errno) : "");
}

static void vectors(void)
{
	struct iovec piece = { data, 10 };
	volatile int many = 2000;
	struct stat st;

	told("pwritev2 to the end", pwritev2(fd, &piece, 1, 0, RWF_APPEND));
	told("pwritev2 elsewhere", pwritev2(again, &piece, 1, 0, 0));
	told("pwritev2 with another flag", pwritev2(fd, &piece, 1, 1 << 20, OTHER_FLAG));
	told("pwritev2 below 0", pwritev2(fd, &piece, 1, -2, 0));
	told("writev of too many", writev(fd, &piece, many));
	CHECK(!fstat(fd, &st));
	told("size", st.st_size);
}

static void copies(void)
{
	off_t from = 0;

	told("sendfile from what is written", sendfile(fd, writes, NULL, 10));
	told("copy_file_range from there", copy_file_range(writes, NULL, fd, &from, 10, 0));
	told("copy_file_range with a flag", copy_file_range(reads, &from, fd, NULL, 10, 1));
	told("sendfile", sendfile(fd, reads, NULL, 10));
}

static void reserves(void)
{
	told("fallocate of what is read", fallocate(reads, 0, 0, 1 << 20));
	errno = posix_fallocate(reads, 0, 1 << 20);
	told("posix_fallocate of what is read", errno ? -1 : 0);
	told("fallocate of nothing", fallocate(fd, 0, 0, 0));
	told("fallocate", fallocate(fd, 0, 0, 1 << 20));
}

/* Of a file's size: what is beyond that comes before there is no room. */
static void limited(rlim_t size)
{
	struct rlimit limit = { size, size };

	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && !setrlimit(RLIMIT_FSIZE, &limit));
	told("write beyond the limit", write(fd, data, 10));
	told("fallocate beyond the limit", fallocate(fd, 0, 0, 1 << 20));
}

int main(void)
{
	CHECK((fd = open("a", O_RDWR | O_CREAT, 0600)) >= 0);
	CHECK((again = open("a", O_RDWR | O_APPEND)) >= 0);
	CHECK((reads = open("a", O_RDONLY)) >= 0 && (writes = open("a", O_WRONLY)) >= 0);
	long filled = write(fd, data, sizeof(data));

	told("write", filled);
	vectors();
	copies();
	reserves();
	limited((rlim_t)filled);
	return passed();
}
