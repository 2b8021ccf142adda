/* argv[1] times getppid: the plainest call there is, a known number of times. */
#include "target.h"

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1000;
	pid_t parent = getppid();

	for (long i = 1; i < count; i++)
		CHECK(getppid() == parent);
	return passed();
}
