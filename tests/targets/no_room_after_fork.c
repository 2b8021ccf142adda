/* A child that may have no memory more than it has makes calls: nobody may count on
 * getting some for it. */
#include "target.h"
#include <sys/mman.h>
#include <sys/resource.h>

int main(void)
{
	struct rlimit none = { 4096, 4096 };
	pid_t pid;
	char byte;

	CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 100; i++) {
			int fd = open("/dev/zero", O_RDONLY);

			CHECK(read(fd, &byte, 1) == 1 && close(fd) == 0);
		}
		CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		      MAP_FAILED && errno == ENOMEM);
		_exit(0);
	}
	CHECK(pid > 0 && wait_for(pid) == 0);
	CHECK(write(1, "EXIT-SUCCESS\n", 13) == 13);
	_exit(0);
}
