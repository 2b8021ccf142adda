/* Runs the program argv[1] (absolute) with the rest of the arguments in every way libc
 * has, with inherited, new, empty and no environments. WAY=... names the way in those
 * that set a new one. Prints each child's exit status after its output. */
#include "target.h"
#include <libgen.h>
#include <spawn.h>

extern char **environ;

static char **args;
static const char *file; /* argv[1] without its directory, which PATH then holds */
static char *const empty[] = { NULL };

static void by_execve_null(void) { execve(args[0], args, NULL); }
static void by_execve_empty(void) { execve(args[0], args, empty); }
static void by_execl(void) { execl(args[0], args[0], args[1], NULL); }
static void by_execlp(void) { execlp(file, file, args[1], NULL); }
static void by_execv(void) { execv(args[0], args); }
static void by_execvp(void) { execvp(file, args); }

static void by_execve(void)
{
	execve(args[0], args, (char *[]){ "WAY=execve", NULL });
}

static void by_execle(void)
{
	execle(args[0], args[0], args[1], NULL, (char *[]){ "WAY=execle", NULL });
}

static void by_execvpe(void)
{
	execvpe(file, args, (char *[]){ "WAY=execvpe", NULL });
}

static void by_fexecve(void)
{
	fexecve(open(args[0], O_RDONLY | O_CLOEXEC), args,
		(char *[]){ "WAY=fexecve", NULL });
}

static void in_child(const char *way, void (*exec)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		exec();
		_exit(126);
	}
	printf("%s: %d\n", way, wait_for(pid));
	fflush(stdout);
}

typedef int spawn(pid_t *, const char *, const posix_spawn_file_actions_t *,
		  const posix_spawnattr_t *, char *const[], char *const[]);

static void by_spawn(const char *way, spawn *by, const char *path, char *const env[])
{
	pid_t pid;

	CHECK(by(&pid, path, NULL, NULL, args, env) == 0);
	printf("%s: %d\n", way, wait_for(pid));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char directory[4096];

	CHECK(argc >= 2 && strlen(argv[1]) < sizeof(directory));
	args = argv + 1;
	file = strrchr(args[0], '/') + 1;
	CHECK(setenv("PATH", dirname(strcpy(directory, args[0])), 1) == 0);
	by_spawn("posix_spawn", posix_spawn, args[0], environ);
	by_spawn("posix_spawn, new", posix_spawn, args[0],
		 (char *[]){ "WAY=posix_spawn", NULL });
	by_spawn("posix_spawn, empty", posix_spawn, args[0], empty);
	by_spawn("posix_spawnp", posix_spawnp, file, environ);
	in_child("execve, new", by_execve);
	in_child("execve, NULL", by_execve_null);
	in_child("execve, empty", by_execve_empty);
	in_child("execl", by_execl);
	in_child("execle", by_execle);
	in_child("execlp", by_execlp);
	in_child("execv", by_execv);
	in_child("execvp", by_execvp);
	in_child("execvpe", by_execvpe);
	in_child("fexecve", by_fexecve);
	return passed();
}
