/* Works on a file where there is little stack: `small_disk thread` in a thread of 16 KiB,
 * `small_disk handler` on an alternate stack of 8 KiB. */
#include "target.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { PAGE = 4096, ALTERNATE = 8192, THREAD = 16384, MOST = 1024 };

static char page[PAGE];
static struct iovec pieces[MOST];

static void work(void)
{
	int fd = open("made", O_RDWR | O_CREAT | O_TRUNC, 0600), copy;

	CHECK(fd >= 0 && write(fd, page, PAGE) > 0 && pwrite(fd, page, PAGE, 100) > 0);
	CHECK(writev(fd, pieces, MOST) > 0);
	fsync(fd);
	CHECK(fallocate(fd, 0, 0, 2 * PAGE) == 0 && ftruncate(fd, 100) == 0);
	CHECK((copy = dup(fd)) >= 0 && close(copy) == 0 && close(fd) == 0);
	CHECK(rename("made", "moved") == 0 && unlink("moved") == 0);
}

static void handler(int signo)
{
	(void)signo;
	work();
}

static void in_handler(void)
{
	char *map = mmap(NULL, PAGE + ALTERNATE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = map + PAGE, .ss_size = ALTERNATE };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	CHECK(map != MAP_FAILED && mprotect(map, PAGE, PROT_NONE) == 0);
	CHECK(sigaltstack(&stack, NULL) == 0);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0);
}

static void *in_thread(void *unused)
{
	work();
	return unused;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t thread;

	for (int i = 0; i < MOST; i++)
		pieces[i] = (struct iovec){ page + i, 1 };
	if (argc > 1 && !strcmp(argv[1], "handler")) {
		in_handler();
		return passed();
	}
	CHECK(!pthread_attr_init(&attr) && !pthread_attr_setstacksize(&attr, THREAD));
	CHECK(!pthread_create(&thread, &attr, in_thread, NULL) && !pthread_join(thread, NULL));
	return passed();
}
