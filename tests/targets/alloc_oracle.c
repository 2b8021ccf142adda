/* A preload that fails malloc(3) number FAIL, and no other, by itself: what pyshim's rule
 * is compared with. Counts from its constructor on, as pyshim does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *(*real)(size_t);
static long number, fail;

void *malloc(size_t size)
{
	if (!real)
		real = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	if (fail && __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED) == fail) {
		errno = ENOMEM;
		return NULL;
	}
	return real(size);
}

/* The first of all constructors: getenv(3) would know nothing yet. */
__attribute__((constructor)) static void begin(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	for (; *envp; envp++)
		if (!strncmp(*envp, "FAIL=", 5))
			fail = atol(*envp + 5);
}
