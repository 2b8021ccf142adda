/* argv[1] children (200) one after the other, each making calls: half of them leave by
 * _exit, the others by exit. The parent's own calls go on in between. */
#include "target.h"

static void calls(int fd)
{
	char bytes[16];

	for (int i = 0; i < 20; i++)
		CHECK(read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 200;
	int fd = open("/dev/zero", O_RDONLY);

	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		CHECK(child >= 0);
		calls(fd);
		if (child == 0 && i % 2)
			_exit(7);
		if (child == 0)
			exit(7);
		CHECK(wait_for(child) == 7);
	}
	return passed();
}
