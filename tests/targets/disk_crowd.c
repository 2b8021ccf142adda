/* So many processes write to a disk until it is full; some are killed meanwhile, and
 * others go on. Then all is freed, and one alone fills it. */
#include "target.h"
#include <signal.h>
#include <sys/stat.h>

static char data[8192];

static void fill(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_APPEND, 0600);

	CHECK(fd >= 0);
	while (write(fd, data, sizeof(data)) > 0)
		;
	CHECK(errno == ENOSPC);
	CHECK(!close(fd));
}

static pid_t start(int i)
{
	char name[] = "0";
	pid_t pid = fork();

	CHECK(pid >= 0);
	name[0] = (char)('0' + i);
	if (!pid) {
		fill(name);
		_exit(0);
	}
	return pid;
}

static long long size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? 0 : (long long)st.st_size;
}

int main(int argc, char **argv)
{
	pid_t pids[9];
	int n = argc > 1 ? atoi(argv[1]) : 0;

	CHECK(n > 0 && n < 9);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < n; i++) {
			char name[] = { (char)('0' + i), 0 };

			unlink(name);
			pids[i] = start(i);
		}
		for (int i = 0; i < n; i += 2)
			kill(pids[i], SIGKILL);
		for (int i = 0; i < n; i++)
			wait_for(pids[i]);
	}
	for (int i = 0; i < n; i++) {
		char name[] = { (char)('0' + i), 0 };

		unlink(name);
	}
	fill("alone");
	printf("freed: %lld\n", size_of("alone"));
	unlink("alone");
	for (int i = 0; i < n; i++)
		pids[i] = start(i);
	for (int i = 0; i < n; i++)
		CHECK(wait_for(pids[i]) == 0);
	return passed();
}
