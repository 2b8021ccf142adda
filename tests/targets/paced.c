/* Says `ready`, reads a line, makes argv[1] calls of getppid, says `done`, reads another
 * line: between the two whoever watches can be made to look away. */
#include "target.h"

static void say(const char *text)
{
	CHECK(write(1, text, strlen(text)) == (ssize_t)strlen(text));
}

static void hear(void)
{
	char byte = 0;

	while (byte != '\n')
		CHECK(read(0, &byte, 1) == 1);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1000;

	say("ready\n");
	hear();
	for (long i = 0; i < count; i++)
		getppid();
	say("done\n");
	hear();
	return passed();
}
