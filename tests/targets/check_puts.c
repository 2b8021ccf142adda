/* Imports no call that issues a syscall by itself: puts writes inside libc. */
#include <stdio.h>

int main(void)
{
	return puts("hello") < 0;
}
