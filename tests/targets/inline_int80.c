/* The old way into the kernel, with i386's numbers: 20 is getpid there and writev here.
 */
#include "inline.h"

static long int80(long nr, long first)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(first) : "memory");
	return ret;
}

enum { GETPID_386 = 20, CLOSE_386 = 6 };

int main(void)
{
	long pid = int80(GETPID_386, 0);

	if (pid == -ENOSYS)
		return cannot_run("no 32-bit syscalls");
	CHECK(pid == getpid());
	told("close", int80(CLOSE_386, 1000));
	return passed();
}
