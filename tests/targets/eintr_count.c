/* argv[1] reads of one byte, each one's result by number: shows which of the calls a
 * rule hit. All are one call site. */
#include "target.h"

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 10;
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0);
	for (int i = 1; i <= count; i++) {
		char byte;
		ssize_t got = read(fd, &byte, 1);

		printf("%d ", i);
		report("read", got);
	}
	return passed();
}
