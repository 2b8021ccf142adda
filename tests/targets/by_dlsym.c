/* Calls found by name: what Rust's std, libffi and wrapper libraries do. */
#include "target.h"
#include <dlfcn.h>

typedef int opens(const char *, int, ...);

static void call(const char *how, void *function)
{
	char text[4];
	int fd;

	CHECK(function);
	fd = ((opens *)function)("/dev/zero", O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, 4) == 4 && close(fd) == 0);
	errno = 0;
	CHECK(((opens *)function)("none", O_RDONLY) == -1);
	printf("%s: %s\n", how, strerrorname_np(errno));
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);

	CHECK(libc);
	call("default", dlsym(RTLD_DEFAULT, "open"));
	call("next", dlsym(RTLD_NEXT, "open64"));
	call("version", dlvsym(RTLD_DEFAULT, "open", "GLIBC_2.2.5"));
	call("next version", dlvsym(RTLD_NEXT, "open", "GLIBC_2.2.5"));
	call("program", dlsym(dlopen(NULL, RTLD_LAZY), "open"));
	call("libc", dlsym(libc, "open"));
	CHECK(dlvsym(RTLD_DEFAULT, "open", "GLIBC_2.3") == NULL);
	CHECK(dlsym(RTLD_DEFAULT, "no_such_call") == NULL && dlerror());
	CHECK(dlsym(RTLD_DEFAULT, "open") == dlsym(RTLD_DEFAULT, "open"));
	return passed();
}
