/* Preloaded: makes a call before the program's own start. */
#include <unistd.h>

__attribute__((constructor)) static void early(void)
{
	(void)!access("/no/such/early", F_OK);
}
