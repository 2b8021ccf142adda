/* The child makes no call but fork; its own child reads. */
#include "target.h"

int main(void)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (!child) {
		pid_t grandchild = fork();

		if (!grandchild) {
			int fd = open("/dev/zero", O_RDONLY);

			_exit(read(fd, &(char){ 0 }, 1) != 1);
		}
		_exit(grandchild < 0 ? 1 : wait_for(grandchild));
	}
	CHECK(wait_for(child) == 0);
	return passed();
}
