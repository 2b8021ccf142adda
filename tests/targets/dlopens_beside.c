/* One thread opens files all the time, the other dlopens LIBRARY again and again. */
#include "target.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_int done;

static void *opens(void *arg)
{
	while (!done)
		close(open("/dev/null", O_RDONLY));
	return arg;
}

int main(int argc, char **argv)
{
	const char *library = argc > 1 ? argv[1] : "libm.so.6";
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, opens, NULL) == 0);
	for (int i = 0; i < 2; i++) {
		void *handle = dlopen(library, RTLD_NOW);

		CHECK(handle && dlclose(handle) == 0);
	}
	done = 1;
	CHECK(pthread_join(thread, NULL) == 0);
	return passed();
}
