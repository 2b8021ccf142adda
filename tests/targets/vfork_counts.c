/* Four calls of a process, with a vfork child's between them, which is the same memory and
 * another process; and two more when that one has become another program. */
#include "target.h"

static char said[256];

static void tell(const char *who)
{
	size_t length = strlen(said);

	CHECK(fsync(-1) == -1);
	snprintf(said + length, sizeof(said) - length, "%s: %s\n", who,
		 strerrorname_np(errno));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		tell("its program");
		tell("its program");
		fputs(said, stdout);
		return 0;
	}
	tell("parent");
	tell("parent");
	pid_t pid = vfork();

	if (pid == 0) {
		tell("child");
		execl("/proc/self/exe", argv[0], "again", (char *)NULL);
		_exit(1);
	}
	CHECK(pid > 0 && wait_for(pid) == 0);
	tell("parent");
	tell("parent");
	fputs(said, stdout);
	return passed();
}
