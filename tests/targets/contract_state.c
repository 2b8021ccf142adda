/* Prints what a program inherits over exec, but for its arguments. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* Signals 32 and 33 are glibc's own: posix_spawn leaves them ignored in its children
 * (make's, for one), and a program's first thread resets 33. */
static void print_signals(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256], name[8];
	unsigned long mask;

	while (status && fgets(line, sizeof(line), status))
		if ((!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6) ||
		     !strncmp(line, "ShdPnd", 6)) &&
		    sscanf(line, "%7s %lx", name, &mask) == 2)
			printf("%s\t%016lx\n", name, mask & ~(3ul << 31));
	if (status)
		fclose(status);
}

static void print_fds(void)
{
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d flags %#x\n", fd,
			       (unsigned int)fcntl(fd, F_GETFL));
}

static void print_limits(void)
{
	struct rlimit limit;

	for (int kind = 0; kind < RLIM_NLIMITS; kind++)
		if (!getrlimit(kind, &limit))
			printf("limit %d %lu %lu\n", kind,
			       (unsigned long)limit.rlim_cur,
			       (unsigned long)limit.rlim_max);
}

int main(void)
{
	char cwd[4096];
	mode_t mask = umask(0);

	print_fds();
	print_signals();
	print_limits();
	printf("umask %o cwd %s\n", (unsigned int)mask,
	       getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	printf("session %d group is parent's %d\n", (int)getsid(0),
	       getpgrp() == getpgid(getppid()));
	for (char **entry = environ; *entry; entry++)
		printf("env %s\n", *entry);
	return 0;
}
