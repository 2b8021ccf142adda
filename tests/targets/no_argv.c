/* Execs itself without arguments, and without an environment: execve(2) takes NULL for
 * either, and the kernel makes one empty argument of none. */
#include "target.h"

extern char **environ;

static int settings(void)
{
	int count = 0;

	for (char **each = environ; each && *each; each++)
		count += strncmp(*each, "LD_PRELOAD=", 11) && strncmp(*each, "PYSHIM_RUN=", 11);
	return count;
}

static void child(const char *how, char **argv, char **envp)
{
	fflush(stdout);
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		execve("/proc/self/exe", argv, envp);
		printf("%s\n", strerrorname_np(errno));
		fflush(stdout);
		_exit(1);
	}
	printf("%s: %d\n", how, wait_for(pid));
}

int main(int argc, char **argv)
{
	char *none[] = { NULL }, *one[] = { "one", NULL }, *set[] = { "A=1", NULL };

	if (argc != 2 || strcmp(argv[1], "begin")) {
		printf("%d <%s> %d\n", argc, argc ? argv[0] : "", settings());
		return 7;
	}
	child("both NULL", NULL, NULL);
	child("no argv", NULL, set);
	child("empty argv", none, set);
	child("no envp", one, NULL);
	child("empty envp", one, none);
	child("both empty", none, none);
	return passed();
}
