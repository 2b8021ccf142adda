/* Every way to exec what can't be, in the folder argv[1], which holds: `plain` (mode
 * 644), `folder`, `no_shebang` (755), `lost` (its interpreter does not exist), `empty`
 * (755), `bad_elf`, `loop` (a link to itself), `true`. Prints each errno. */
#include "target.h"
#include <limits.h>
#include <spawn.h>

/* Volatile, or gcc sees that they are wrong. */
static void *volatile nowhere = (void *)8;
static void *volatile nothing;

extern char **environ;

static char *args[] = { "name", NULL };
static char *long_path;

static const char *names[] = {
	"plain", "folder", "plain/below", "missing", "missing/below", "no_shebang", "lost",
	"empty", "bad_elf", "loop", "./true/", "",
};

static void say(const char *way, const char *name, int err)
{
	printf("%s(%.20s): %s\n", way, name, strerrorname_np(err));
	fflush(stdout);
}

static void each_file(const char *name)
{
	char *const empty[] = { NULL };
	int err, fd = open(name, O_RDONLY);
	pid_t pid;

	execve(name, args, environ);
	say("execve", name, errno);
	execve(name, args, empty);
	say("execve, empty", name, errno);
	execl(name, "name", NULL);
	say("execl", name, errno);
	execle(name, "name", NULL, empty);
	say("execle", name, errno);
	execv(name, args);
	say("execv", name, errno);
	execveat(AT_FDCWD, name, args, environ, 0);
	say("execveat", name, errno);
	execveat(AT_FDCWD, name, args, environ, AT_SYMLINK_NOFOLLOW);
	say("execveat nofollow", name, errno);
	err = posix_spawn(&pid, name, NULL, NULL, args, environ);
	say("posix_spawn", name, err);
	err = posix_spawnp(&pid, name, NULL, NULL, args, empty);
	say("posix_spawnp", name, err);
	if (fd >= 0) {
		fexecve(fd, args, environ);
		say("fexecve", name, errno);
		CHECK(close(fd) == 0);
	}
}

/* libc runs a file without `#!` with sh: only those that fail before that. */
static void by_path(const char *path)
{
	CHECK(setenv("PATH", path, 1) == 0);
	execvp("missing", args);
	say("execvp missing", path, errno);
	execvp("plain", args);
	say("execvp plain", path, errno);
	execlp("folder", "folder", NULL);
	say("execlp folder", path, errno);
	execvpe("", args, environ);
	say("execvpe empty", path, errno);
	execvp(long_path + 1, args);
	say("execvp long", path, errno);
	execvp("./missing", args);
	say("execvp slash", path, errno);
}

static void bad_memory(void)
{
	char *bad[] = { "name", nowhere, NULL };

	execve(nowhere, args, environ);
	say("execve", "path", errno);
	execve("true", nowhere, environ);
	say("execve", "argv", errno);
	execve("true", bad, environ);
	say("execve", "argv[1]", errno);
	execve("true", args, nowhere);
	say("execve", "envp", errno);
	execve("true", args, bad);
	say("execve", "envp[1]", errno);
	execve("missing", args, nowhere);
	say("execve missing", "envp", errno);
	execveat(AT_FDCWD, nowhere, args, environ, 0);
	say("execveat", "path", errno);
	execveat(AT_FDCWD, "true", args, bad, 0);
	say("execveat", "envp[1]", errno);
}

static void bad_fds(void)
{
	int folder = open("folder", O_RDONLY | O_DIRECTORY);

	CHECK(folder >= 0);
	fexecve(-1, args, environ);
	say("fexecve", "-1", errno);
	fexecve(1000, args, environ);
	say("fexecve", "1000", errno);
	fexecve(folder, nothing, environ);
	say("fexecve", "argv NULL", errno);
	fexecve(folder, args, nothing);
	say("fexecve", "envp NULL", errno);
	execveat(1000, "true", args, environ, 0);
	say("execveat", "1000", errno);
	execveat(1000, "", args, environ, AT_EMPTY_PATH);
	say("execveat", "1000 itself", errno);
	execveat(folder, "", args, environ, 0);
	say("execveat", "empty path", errno);
	execveat(folder, "../missing", args, environ, 0);
	say("execveat", "by dirfd", errno);
	execveat(folder, "../true", args, environ, -1);
	say("execveat", "flags", errno);
}

int main(int argc, char **argv)
{
	long_path = malloc(PATH_MAX + 2);
	CHECK(argc == 2 && chdir(argv[1]) == 0 && long_path);
	memset(long_path, 'x', PATH_MAX + 1);
	long_path[0] = '/';
	long_path[PATH_MAX + 1] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		each_file(names[i]);
	each_file(long_path);
	bad_memory();
	bad_fds();
	by_path(argv[1]);
	by_path("plain:missing");
	by_path("");
	unsetenv("PATH");
	execvp("no-such-program-anywhere", args);
	say("execvp", "no PATH", errno);
	return passed();
}
