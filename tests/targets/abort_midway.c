/* Writes 1,000 times one byte to the file argv[1] and dies by SIGKILL: all 1,000 calls
 * must still be found. There is no EXIT-SUCCESS; the file's length tells. */
#include "target.h"
#include <signal.h>

int main(int argc, char **argv)
{
	int fd = open(argc > 1 ? argv[1] : "abort_midway.out",
		      O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	for (int i = 0; i < 1000; i++)
		CHECK(write(fd, "x", 1) == 1);
	kill(getpid(), SIGKILL);
	return 1;
}
