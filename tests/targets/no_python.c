/* Uses up what an interpreter inside needs, as its argument says, then reads: `namespaces`
 * of dlmopen(3), static `tls` by libraries in them, `memory` by RLIMIT_AS. By default
 * nothing. */
#include "target.h"
#include <dlfcn.h>
#include <sys/resource.h>

enum { MOST = 32, LEFT = 3 << 20 };

static void use_namespaces(const char *library)
{
	int made = 0;

	while (made < MOST && dlmopen(LM_ID_NEWLM, library, RTLD_NOW))
		made++;
	CHECK(made < MOST);
}

/* What the process has now, and a little. */
static void limit_memory(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages;

	CHECK(file && fscanf(file, "%lu", &pages) == 1 && !fclose(file));
	struct rlimit limit = { pages * 4096 + LEFT, pages * 4096 + LEFT };

	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	if (!strcmp(what, "namespaces"))
		use_namespaces("ld-linux-x86-64.so.2");
	if (!strcmp(what, "tls"))
		use_namespaces("libc.so.6");
	if (!strcmp(what, "memory"))
		limit_memory();
	printf("read: %zd\n", read(fd, &byte, 1));
	return passed();
}
