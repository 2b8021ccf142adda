/* What programs do with descriptors that are not theirs: close all from 3 on, one by one
 * or by a scan of /proc/self/fd, mark them close-on-exec, put others in their place. */
#include "target.h"
#include <dirent.h>
#include <linux/close_range.h>
#include <sys/stat.h>

static void show(const char *when)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;

	CHECK(fds);
	printf("%s:", when);
	while ((entry = readdir(fds)))
		if (*entry->d_name != '.' && atoi(entry->d_name) != dirfd(fds))
			printf(" %s", entry->d_name);
	puts("");
	CHECK(closedir(fds) == 0);
}

static void calls(void)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd == 3 && read(fd, &byte, 1) == 1 && close(fd) == 0);
	CHECK(access("/no/such", F_OK) == -1 && errno == ENOENT);
}

static void one_by_one(void)
{
	for (int fd = 3; fd < 1024; fd++)
		CHECK(close(fd) == -1 && errno == EBADF);
	calls();
}

static void by_scan(void)
{
	DIR *fds;
	struct dirent *entry;

	for (int i = 0; i < 5; i++)
		CHECK(dup(2) == 3 + i);
	fds = opendir("/proc/self/fd");
	CHECK(fds);
	while ((entry = readdir(fds)))
		if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(fds))
			CHECK(close(atoi(entry->d_name)) == 0);
	CHECK(closedir(fds) == 0);
	calls();
}

/* Every low number taken by the program: whoever kept one there would find a stranger. */
static void over_low_ones(void)
{
	struct stat mine, found;
	int fd = open("/dev/full", O_WRONLY);

	CHECK(fd == 3 && fstat(fd, &mine) == 0);
	for (int to = 4; to < 200; to++)
		CHECK((to % 2 ? dup2(fd, to) : dup3(fd, to, O_CLOEXEC)) == to);
	CHECK(access("/", F_OK) == 0 && getppid() > 0);
	for (int to = 4; to < 200; to++) {
		CHECK(fstat(to, &found) == 0 && found.st_rdev == mine.st_rdev);
		CHECK(write(to, "x", 1) == -1 && errno == ENOSPC);
	}
	CHECK(close_range(3, ~0U, 0) == 0);
	calls();
}

static void on_exec(void)
{
	pid_t pid;

	CHECK(dup(2) == 3 && dup(2) == 4);
	CHECK(close_range(4, ~0U, CLOSE_RANGE_CLOEXEC) == 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "for fd in 3 4 5 6 7 8 9; do (: >&$fd) 2>&- && "
		      "echo $fd is open; done; true", NULL);
		_exit(1);
	}
	CHECK(pid > 0 && wait_for(pid) == 0);
	closefrom(3);
}

static void std_ones(void)
{
	int out = dup(1), in = dup(0);

	CHECK(out == 3 && in == 4 && fflush(stdout) == 0);
	CHECK(close(0) == 0 && close(1) == 0);
	CHECK(open("/dev/null", O_RDONLY) == 0 && open("/dev/null", O_WRONLY) == 1);
	CHECK(puts("into nothing") >= 0 && fflush(stdout) == 0);
	CHECK(dup2(out, 1) == 1 && dup2(in, 0) == 0 && close(out) == 0 && close(in) == 0);
}

int main(void)
{
	CHECK(close_range(3, ~0U, 0) == 0);
	show("start");
	one_by_one();
	by_scan();
	over_low_ones();
	on_exec();
	std_ones();
	show("end");
	return passed();
}
