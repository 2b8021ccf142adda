/* Which of 0, 1 and 2 are open, and which numbers the next three files get. Into the
 * file argv[1], for stdout may be closed. */
#include "target.h"

int main(int argc, char **argv)
{
	char line[128];
	int open_at_start[3], got[3], length, out;

	CHECK(argc == 2);
	for (int fd = 0; fd < 3; fd++)
		open_at_start[fd] = fcntl(fd, F_GETFD) != -1;
	for (int i = 0; i < 3; i++)
		got[i] = open("/dev/null", O_RDWR);
	out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	length = snprintf(line, sizeof(line), "open %d %d %d, then %d %d %d, %d\n%s",
			  open_at_start[0], open_at_start[1], open_at_start[2], got[0],
			  got[1], got[2], out, "EXIT-SUCCESS\n");
	CHECK(write(out, line, length) == length);
	return 0;
}
