/* Hello through stdio: libc calls its own write, the program only puts. */
#include <stdio.h>

int main(void)
{
	puts("hello");
	return 0;
}
