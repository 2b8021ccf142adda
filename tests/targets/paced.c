/* Says `ready`, reads a line, makes argv[1] calls of getppid in each of argv[2] threads
 * (1), says `done`, reads another line: between the two whoever watches can be made to
 * look away. */
#include "target.h"
#include <pthread.h>

enum { MOST = 16 };

static long count = 1000;

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

static void *calls(void *arg)
{
	for (long i = 0; i < count; i++)
		getppid();
	return arg;
}

static void in_threads(int most)
{
	pthread_t threads[MOST];

	CHECK(most <= MOST);
	for (int i = 0; i < most; i++)
		CHECK(pthread_create(&threads[i], NULL, calls, NULL) == 0);
	for (int i = 0; i < most; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
	count = argc > 1 ? atol(argv[1]) : count;
	say("ready\n");
	hear();
	in_threads(argc > 2 ? atoi(argv[2]) : 1);
	say("done\n");
	hear();
	return passed();
}
