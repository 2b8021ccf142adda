/* Children of fork(3) make a syscall of their own. */
#include "inline.h"
#include <unistd.h>

int main(void)
{
	for (int i = 0; i < 3; i++) {
		CHECK(getppid() > 0);
		fflush(stdout);
		pid_t pid = fork();

		if (!pid) {
			printf("%d\n", inline0(SYS_getppid) == getppid());
			fflush(stdout);
			_exit(0);
		}
		CHECK(wait_for(pid) == 0);
	}
	return passed();
}
