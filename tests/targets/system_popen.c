/* Runs the command argv[1] by system(3) and by popen(3). */
#include "target.h"

int main(int argc, char **argv)
{
	char line[256];
	FILE *pipe;

	CHECK(argc == 2);
	printf("system: %d\n", system(argv[1]));
	fflush(stdout);
	pipe = popen(argv[1], "r");
	CHECK(pipe);
	while (fgets(line, sizeof(line), pipe))
		printf("popen: %s", line);
	printf("pclose: %d\n", pclose(pipe));
	return passed();
}
