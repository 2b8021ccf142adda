/* The wrappers of posix_spawn, written by hand: preload.h says why. */
#include <fcntl.h>
#include <spawn.h>
#include "call.h"
#include "preload.h"
#include "real.h"

/* Declared as libc declares them: a wrapper that drifts does not compile. */
__typeof__(posix_spawn) wrap_posix_spawn;
__typeof__(posix_spawnp) wrap_posix_spawnp;

typedef int spawn(pid_t *, const char *, const posix_spawn_file_actions_t *,
		  const posix_spawnattr_t *, strings, strings);

static long go_spawn(struct call *call, strings envp, spawn *real)
{
	return real((pid_t *)call->args[0], (const char *)call->args[1],
		    (const posix_spawn_file_actions_t *)call->args[2],
		    (const posix_spawnattr_t *)call->args[3], (strings)call->args[4], envp);
}

static long go_posix_spawn(struct call *call, strings envp)
{
	return go_spawn(call, envp, REAL(posix_spawn));
}

static long go_posix_spawnp(struct call *call, strings envp)
{
	return go_spawn(call, envp, REAL(posix_spawnp));
}

static void real_posix_spawn(struct call *call)
{
	exec_file(call, go_posix_spawn, AT_FDCWD, (const char *)call->args[1],
		  (strings)call->args[5]);
}

static void real_posix_spawnp(struct call *call)
{
	char room[4096];

	exec_file(call, go_posix_spawnp, AT_FDCWD,
		  on_path((const char *)call->args[1], room), (strings)call->args[5]);
}

static void spawn_begin(struct call *call, uint16_t id, const void *site, pid_t *pid,
			const char *path, const posix_spawn_file_actions_t *actions)
{
	call_begin(call, id, site);
	call->args[0] = (long)pid;
	call->args[1] = (long)path;
	call->args[2] = (long)actions;
}

int wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attr, strings argv, strings envp)
{
	struct call call;

	spawn_begin(&call, CALL_posix_spawn, __builtin_return_address(0), pid, path, actions);
	call.args[3] = (long)attr;
	call.args[4] = (long)argv;
	call.args[5] = (long)envp;
	return (int)call_run(&call, real_posix_spawn);
}

int wrap_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attr, strings argv, strings envp)
{
	struct call call;

	spawn_begin(&call, CALL_posix_spawnp, __builtin_return_address(0), pid, file, actions);
	call.args[3] = (long)attr;
	call.args[4] = (long)argv;
	call.args[5] = (long)envp;
	return (int)call_run(&call, real_posix_spawnp);
}
