/* Takes descriptors as its arguments say, and keeps them: `dup: ok`, or the errno. */
#include "target.h"
#include <sys/resource.h>

static struct rlimit limit;

static int lower(void)
{
	limit.rlim_cur = 4;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	(void)argc;
	closefrom(3);
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit));
	for (char **word = argv + 1; *word; word++) {
		if (!strcmp(*word, "limit"))
			printf("limit: %lu\n", (unsigned long)limit.rlim_cur);
		else if (!strcmp(*word, "lower"))
			report(*word, lower());
		else if (!strcmp(*word, "dup"))
			report(*word, dup(0));
		else if (!strcmp(*word, "open"))
			report(*word, open("/dev/null", O_RDONLY));
		else if (!strcmp(*word, "open_zero"))
			report(*word, open("/dev/zero", O_RDONLY));
		else
			return 1;
	}
	return passed();
}
