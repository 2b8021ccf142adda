/* A library somebody preloads: its getppid is the one to be called. */
#include <unistd.h>

pid_t getppid(void)
{
	return 4242;
}
