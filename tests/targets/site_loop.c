/* Two places that call read, three times each in turn: shows whether "once per call
 * site" tells them apart. */
#include "target.h"

__attribute__((noinline)) static long first_site(int fd)
{
	char byte;
	long got = read(fd, &byte, 1);

	return got;
}

__attribute__((noinline)) static long second_site(int fd)
{
	char bytes[2];
	long got = read(fd, bytes, 2);

	return got;
}

int main(void)
{
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0);
	for (int i = 0; i < 3; i++) {
		report("first", first_site(fd));
		report("second", second_site(fd));
	}
	return passed();
}
