/* Execs itself argv[1] times, one call each: one process, many programs. */
#include "target.h"

int main(int argc, char **argv)
{
	int left = argc > 1 ? atoi(argv[1]) : 10;
	char text[16];

	CHECK(getppid() > 0);
	if (left == 0)
		return passed();
	snprintf(text, sizeof(text), "%d", left - 1);
	execv("/proc/self/exe", (char *[]){ argv[0], text, NULL });
	CHECK(!"execv returned");
}
