/* Ends as told: "exit N" or "signal N". No core: the tests want the signal only. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };

	if (argc != 3)
		return 99;
	if (!strcmp(argv[1], "exit"))
		exit(atoi(argv[2]));
	setrlimit(RLIMIT_CORE, &none);
	raise(atoi(argv[2]));
	return 98;
}
