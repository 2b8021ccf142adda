/* Has read(2) write behind the end of a block, for those who look for such things. */
#include "target.h"

static volatile size_t size = 8;

int main(void)
{
	char *block = malloc(4);
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(block && fd >= 0);
	CHECK(read(fd, block, size) == 8);
	free(block);
	return passed();
}
