/* Runs the program argv[3] with an environment of its own: argv[1] entries of argv[2]
 * bytes. With `limit` for argv[1] it looks for the most entries that it can be run
 * with and prints that number. */
#include "target.h"
#include <spawn.h>

static char **make_env(size_t entries, size_t bytes)
{
	char **env = calloc(entries + 1, sizeof(*env));
	char *text = malloc(entries * (bytes + 1) + 1);

	CHECK(env && text && bytes >= 9);
	memset(text, 'x', entries * (bytes + 1));
	for (size_t i = 0; i < entries; i++) {
		env[i] = text + i * (bytes + 1);
		env[i][sprintf(env[i], "E%06zu=", i)] = 'x';
		env[i][bytes] = 0;
	}
	return env;
}

/* The child's exit status, 200 when the environment is too large. */
static int run(char **args, size_t entries, size_t bytes)
{
	char **env = make_env(entries, bytes);
	pid_t pid = fork();

	if (pid == 0) {
		execve(args[0], args, env);
		CHECK(errno == E2BIG);
		_exit(200);
	}
	free(env[0]);
	free(env);
	return wait_for(pid);
}

static int spawn(char **args, size_t entries, size_t bytes)
{
	char **env = make_env(entries, bytes);
	pid_t pid;
	int err = posix_spawn(&pid, args[0], NULL, NULL, args, env);

	CHECK(err == 0 || err == E2BIG);
	return err ? 200 : wait_for(pid);
}

typedef int run_with(char **args, size_t entries, size_t bytes);

static size_t most(run_with *run, char **args, size_t bytes)
{
	size_t works = 1, too_many = (8 << 20) / bytes;

	while (works + 1 < too_many) {
		size_t middle = (works + too_many) / 2;

		if (run(args, middle, bytes) == 0)
			works = middle;
		else
			too_many = middle;
	}
	return works;
}

int main(int argc, char **argv)
{
	CHECK(argc > 3);
	size_t bytes = strtoul(argv[2], NULL, 10);

	if (strcmp(argv[1], "limit")) {
		size_t entries = strtoul(argv[1], NULL, 10);

		printf("execve: %d\n", run(argv + 3, entries, bytes));
		fflush(stdout);
		printf("posix_spawn: %d\n", spawn(argv + 3, entries, bytes));
		return passed();
	}
	printf("execve: %zu\n", most(run, argv + 3, bytes));
	printf("posix_spawn: %zu\n", most(spawn, argv + 3, bytes));
	return passed();
}
