/* Hello through syscall(2): no write() anywhere, yet still a function of libc. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	static const char hello[] = "hello\n";

	return syscall(SYS_write, 1, hello, sizeof(hello) - 1) < 0;
}
