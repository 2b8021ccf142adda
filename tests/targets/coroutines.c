/* Coroutines with 16 and with 8 KiB of stack each, and a page behind it that must not be
 * touched, take turns in the middle of what they do. */
#include "target.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>

enum { PAGE = 4096, COROUTINES = 8, TURNS = 10 };

static ucontext_t scheduler, coroutines[COROUTINES];
static int running;

static void yield(void)
{
	CHECK(swapcontext(&coroutines[running], &scheduler) == 0);
}

static void work(int number)
{
	char bytes[16], name[16];
	struct stat st;

	snprintf(name, sizeof(name), "file%d", number);
	for (int i = 0; i < TURNS; i++) {
		int fd = open(name, O_RDWR | O_CREAT, 0600);

		CHECK(fd >= 0 && write(fd, &number, sizeof(number)) == sizeof(number));
		yield();
		CHECK(pread(fd, bytes, sizeof(bytes), 0) == sizeof(number));
		errno = number;
		yield();
		CHECK(fstat(fd, &st) == 0 && st.st_size == sizeof(number));
		CHECK(access("/no/such", F_OK) == -1 && errno == ENOENT);
		CHECK(close(fd) == 0);
	}
	CHECK(unlink(name) == 0);
}

static void *stack_of(size_t size)
{
	char *map = mmap(NULL, PAGE + size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED && mprotect(map, PAGE, PROT_NONE) == 0);
	return map + PAGE;
}

static void make(int number, size_t size)
{
	ucontext_t *made = &coroutines[number];

	CHECK(getcontext(made) == 0);
	made->uc_stack = (stack_t){ .ss_sp = stack_of(size), .ss_size = size };
	made->uc_link = &scheduler;
	makecontext(made, (void (*)(void))work, 1, number);
}

static void take_turns(size_t size)
{
	for (running = 0; running < COROUTINES; running++)
		make(running, size);
	/* Two yields a turn, and the end. */
	for (int turn = 0; turn < 2 * TURNS + 1; turn++)
		for (running = 0; running < COROUTINES; running++)
			CHECK(swapcontext(&scheduler, &coroutines[running]) == 0);
	for (int i = 0; i < COROUTINES; i++) {
		char *stack = coroutines[i].uc_stack.ss_sp;

		CHECK(munmap(stack - PAGE, PAGE + size) == 0);
	}
	printf("%zu KiB\n", size / 1024);
}

int main(void)
{
	take_turns(16 * 1024);
	take_turns(8 * 1024);
	return passed();
}
