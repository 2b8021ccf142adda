/* A daemon's habit: close every descriptor that is not its own, in two ways and again
 * and again, then go on with calls and children. Nobody may need one kept open. */
#include "target.h"

static void calls(void)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd == 3 && read(fd, &byte, 1) == 1 && close(fd) == 0);
}

int main(void)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid;

		CHECK(close_range(3, ~0U, 0) == 0);
		calls();
		closefrom(3);
		calls();
		pid = fork();
		if (pid == 0) {
			calls();
			_exit(0);
		}
		CHECK(wait_for(pid) == 0);
	}
	return passed();
}
