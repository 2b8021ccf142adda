/* Reads once here, and twice where a file in the run's folder can't be written: argv[1]
 * says why not, argv[2] is a folder. */
#include "target.h"
#include <sys/resource.h>

static void another_root(const char *folder)
{
	CHECK(chroot(folder) == 0);
}

static void another_user(const char *folder)
{
	(void)folder;
	CHECK(setresgid(65534, 65534, 65534) == 0);
	CHECK(setresuid(65534, 65534, 65534) == 0);
}

static void no_large_file(const char *folder)
{
	const struct rlimit none = { 0, 0 };

	(void)folder;
	CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
}

static void no_descriptor(const char *folder)
{
	const struct rlimit three = { 3, 3 };

	(void)folder;
	CHECK(setrlimit(RLIMIT_NOFILE, &three) == 0);
}

/* What is said on stderr there would be a SIGPIPE. */
static void no_reader(const char *folder)
{
	int pipes[2];

	another_root(folder);
	CHECK(pipe(pipes) == 0 && dup2(pipes[1], 2) == 2);
	CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
}

static const struct {
	const char *name;
	void (*go)(const char *folder);
} ways[] = {
	{ "root", another_root },	{ "user", another_user },
	{ "limit", no_large_file },	{ "descriptor", no_descriptor },
	{ "reader", no_reader },
};

int main(int argc, char **argv)
{
	char byte;

	CHECK(argc == 3 && read(0, &byte, 1) == 1);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, argv[1]))
			ways[i].go(argv[2]);
	for (int i = 0; i < 2; i++)
		printf("%zd\n", read(0, &byte, 1));
	return passed();
}
