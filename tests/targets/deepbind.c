/* Loads the library argv[1] in every way dlopen and dlmopen have, and calls it. The
 * library is this file with -DLIBRARY -shared. Each copy must be a file of its own, or
 * ld.so gives back the one that is loaded already: argv[1] to argv[4]. */
#include "target.h"
#include <dlfcn.h>

#ifdef LIBRARY
int work(const char *path);

int work(const char *path)
{
	char text[16];
	int fd = open(path, O_RDONLY);
	int got = read(fd, text, sizeof(text));

	close(fd);
	return getppid() > 0 && open("none", O_RDONLY) == -1 && errno == ENOENT ? got : -1;
}
#else
static void call(const char *how, void *library)
{
	if (!library)
		printf("%s: %s\n", how, dlerror());
	CHECK(library);
	int (*work)(const char *) = (int (*)(const char *))dlsym(library, "work");

	CHECK(work);
	printf("%s: %d\n", how, work("/dev/zero"));
	CHECK(dlclose(library) == 0);
}

int main(int argc, char **argv)
{
	CHECK(argc == 5);
	call("local", dlopen(argv[1], RTLD_NOW | RTLD_LOCAL));
	call("global", dlopen(argv[2], RTLD_LAZY | RTLD_GLOBAL));
	call("deepbind", dlopen(argv[3], RTLD_NOW | RTLD_DEEPBIND));
	call("dlmopen", dlmopen(LM_ID_NEWLM, argv[4], RTLD_NOW));
	return passed();
}
#endif
