/* A thread by inline clone with no thread pointer, or one of its own that is not
 * libc's: it makes syscalls, and memory around what its pointer points to is as it left
 * it. */
#include "raw.h"
#include <asm/prctl.h>
#include <stdint.h>

enum { PAGES = 16 * 4096, FILLED = 0x5a };

static int tid;
static char *memory;
static uint64_t read_back;
static long parents, failed;

static void calls(uint64_t pointer)
{
	failed += inline2(SYS_arch_prctl, ARCH_SET_FS, pointer) != 0;
	for (int i = 0; i < 50; i++)
		parents += inline0(SYS_getppid) > 0;
	failed += inline2(SYS_arch_prctl, ARCH_GET_FS, &read_back) != 0;
	inline1(SYS_exit, 0);
}

static void without(void)
{
	calls(0);
}

static void of_its_own(void)
{
	calls((uint64_t)memory + PAGES / 2);
}

static void run(const char *what, void (*enter)(void), uint64_t pointer)
{
	long changed = 0;

	memset(memory, FILLED, PAGES);
	parents = failed = 0;
	CHECK(raw_thread(raw_stack(), &tid, enter) > 0);
	raw_join(&tid);
	for (int i = 0; i < PAGES; i++)
		changed += memory[i] != FILLED;
	printf("%s: %ld calls, %ld failed, pointer as set %d, bytes changed %ld\n",
	       what, parents, failed, read_back == pointer, changed);
}

int main(void)
{
	memory = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	CHECK(memory != MAP_FAILED);
	run("none", without, 0);
	run("its own", of_its_own, (uint64_t)memory + PAGES / 2);
	CHECK(inline2(SYS_arch_prctl, ARCH_GET_FS, &read_back) == 0);
	CHECK(read_back == (uint64_t)__builtin_thread_pointer());
	return passed();
}
