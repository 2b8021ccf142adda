/* Pointers to nothing: the kernel's answer is EFAULT, and whoever looks at arguments
 * must not crash on them first. A string that ends with its page is a good one. */
#include "target.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BAD(call)                                      \
	do {                                           \
		long ret_ = (call);                    \
		report(#call, ret_);                   \
		CHECK(ret_ == -1 && errno == EFAULT);  \
	} while (0)

/* volatile: the compiler knows which parameters may not be NULL, and would say so */
static char *volatile one = (char *)1;
static char *volatile null;

/* `text` as the last bytes before a page that cannot be read. */
static char *at_page_end(const char *text, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED && mprotect(map + page, page, PROT_NONE) == 0);
	return memcpy(map + page - size, text, size);
}

static void paths(void)
{
	char *unended = at_page_end("/dev", 4);
	struct stat st;

	BAD(open(one, O_RDONLY));
	BAD(open(null, O_RDONLY));
	BAD(open(unended, O_RDONLY));
	BAD(stat(null, &st));
	BAD(stat("/", (struct stat *)one));
	BAD(access(one, F_OK));
	BAD(rename(one, null));
	BAD(mkdir(unended, 0700));
	CHECK(open(at_page_end("/dev/null", 10), O_RDONLY) >= 0);
}

static void buffers(void)
{
	int zero = open("/dev/zero", O_RDONLY), pair[2];

	CHECK(pipe(pair) == 0);
	BAD(read(zero, one, 1));
	BAD(write(pair[1], one, 1));
	BAD(pipe((int *)one));
	BAD(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)one, 16));
	CHECK(write(pair[1], at_page_end("end", 3), 3) == 3);
}

static void programs(void)
{
	char *args[] = { "true", one, NULL };

	BAD(execve("/bin/true", (char **)one, NULL));
	BAD(execve("/bin/true", args, NULL));
	BAD(execve("/bin/true", (char *[]){ "true", NULL }, (char **)one));
	BAD(execve(one, (char *[]){ "true", NULL }, NULL));
}

int main(void)
{
	paths();
	buffers();
	programs();
	return passed();
}
