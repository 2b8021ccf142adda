/* A program and a library (-DLIBRARY) that brings an open of its own. Linked with
 * -Bsymbolic, the library calls its own; the program finds it, too, since libc comes
 * later. */
#include "target.h"
#include <dlfcn.h>
#include <stdarg.h>

int count(const char *path);

#ifdef LIBRARY
static int opened;

int open(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");

	opened++;
	return next(path, flags, 0);
}

int count(const char *path)
{
	CHECK(close(open(path, O_RDONLY)) == 0);
	return opened;
}
#else
int main(void)
{
	printf("library: %d\n", count("/dev/zero"));
	CHECK(close(open("/dev/null", O_RDONLY)) == 0);
	printf("program and library: %d\n", count("/dev/zero"));
	return passed();
}
#endif
