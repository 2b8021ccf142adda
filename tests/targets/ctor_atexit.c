/* Calls made before main, by a constructor, and after it, by atexit handlers and a
 * destructor, work and are seen. */
#include "target.h"

static int step;

static void say(int expected, const char *what)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(step++ == expected);
	CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && close(fd) == 0);
	CHECK(write(1, what, strlen(what)) == (ssize_t)strlen(what));
}

__attribute__((constructor(101))) static void first(void)
{
	say(0, "constructor\n");
}

static void registered_first(void)
{
	say(3, "atexit, runs second\n");
}

static void registered_second(void)
{
	say(2, "atexit, runs first\n");
}

__attribute__((destructor(101))) static void last(void)
{
	say(4, "destructor\nEXIT-SUCCESS\n");
}

int main(void)
{
	say(1, "main\n");
	CHECK(atexit(registered_first) == 0 && atexit(registered_second) == 0);
	return 0;
}
