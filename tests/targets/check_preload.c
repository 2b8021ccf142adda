/* The witness: preloaded, it says so on stderr before main begins. */
#include <unistd.h>

static const char text[] = "preloaded\n";

__attribute__((constructor)) static void say(void)
{
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(99);
}
