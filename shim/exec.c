/*
 * Keeping the preload over exec: whatever environment the program hands on, its child
 * is to run under the shim, and where it can't, to run as if there were none.
 *
 * Everything here may run in a vfork child, on its parent's memory: the new environment
 * lives on the stack, nothing is allocated, and nothing global is changed but the mark
 * on our entry in the arena. If the environment is too large to be copied, the
 * program's own is handed on, and that is counted (SKIP_EXEC).
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "call.h"
#include "peek.h"
#include "plan.h"
#include "real.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum { MOST_ENTRIES = 65536, MOST_PRELOAD = 8192, MOST_ARGS = 65536 };

#define PRELOAD "LD_PRELOAD="
#define RUN "PYSHIM_RUN="

typedef char *const *strings;

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Where the list `preload` (separated by colons or spaces, ld.so(8)) names the shim. */
static const char *find_shim(const char *preload)
{
	const char *shim = plan_text(plan->preload);
	size_t length = strlen(shim);

	for (const char *at = strstr(preload, shim); at; at = strstr(at + 1, shim)) {
		bool begin = at == preload || at[-1] == ':' || at[-1] == ' ';

		if (begin && (!at[length] || at[length] == ':' || at[length] == ' '))
			return at;
	}
	return NULL;
}

struct env {
	size_t count;
	const char *preload;   /* value of LD_PRELOAD, NULL: none */
	bool run;              /* PYSHIM_RUN names this run */
};

static bool is_ours(const char *entry)
{
	return begins(entry, PRELOAD) || begins(entry, RUN);
}

/* False for what the kernel will fail on, too, or will find to be too large. */
static bool entry_readable(const char *const *at)
{
	long length = readable(at, sizeof(*at)) ? 0 : -1;

	if (!length && *at)
		length = readable_string(*at, sizeof(PRELOAD));
	if (length > 0 && is_ours(*at))
		length = readable_string(*at, MOST_PRELOAD);
	return length >= 0 && length < MOST_PRELOAD;
}

/* False when this environment had better be handed on as it is. */
static bool env_look(strings envp, struct env *env)
{
	for (; envp; env->count++) {
		if (!entry_readable((const char *const *)envp + env->count))
			return false;
		const char *entry = envp[env->count];

		if (!entry)
			break;
		if (begins(entry, PRELOAD))
			env->preload = entry + strlen(PRELOAD);
		else if (begins(entry, RUN))
			env->run = !strcmp(entry + strlen(RUN), plan_text(plan->rundir));
	}
	return true;
}

static bool env_good(const struct env *env, bool shimmed)
{
	bool preloaded = env->preload && find_shim(env->preload);

	return shimmed ? preloaded && env->run : !preloaded && !env->run;
}

/* "LD_PRELOAD=" + the shim + what was there; or what was there without the shim. */
static void preload_entry(char *to, const char *was, bool shimmed)
{
	const char *found = was ? find_shim(was) : NULL;
	const char *shim = plan_text(plan->preload);

	to = stpcpy(to, PRELOAD);
	if (shimmed) {
		to = stpcpy(to, shim);
		if (was && *was && !found)
			stpcpy(stpcpy(to, ":"), was);
		else if (found)
			strcpy(to - strlen(shim), was);
		return;
	}
	if (!was)
		return;
	size_t before = found ? (size_t)(found - was) : strlen(was);

	memcpy(to, was, before);
	found = found ? found + strlen(shim) : "";
	strcpy(to + before, found + (!before && *found));
}

/* Fill `to` (room for count + 3) with envp, our two entries put right: `run` is NULL and
 * `preload` may be empty where the shim stays out. Everything else keeps its place. */
static void env_fill(const char **to, strings envp, const char *preload, const char *run)
{
	if (!preload[strlen(PRELOAD)])
		preload = NULL;
	for (; envp && *envp; envp++) {
		if (!is_ours(*envp))
			*to++ = *envp;
		else if (preload && begins(*envp, PRELOAD)) {
			*to++ = preload;
			preload = NULL;
		}
	}
	if (preload)
		*to++ = preload;
	if (run)
		*to++ = run;
	*to = NULL;
}

/* What each way to exec differs in, once there is an environment. */
typedef long exec_real(struct call *call, strings envp);

static void exec_unchanged(struct call *call, exec_real *go, strings envp)
{
	process_execing(true);
	call->ret = go(call, envp);
	process_execing(false);
}

/* An environment that only our entries make too large is handed on without them. */
static void exec_filled(struct call *call, exec_real *go, strings filled, strings envp)
{
	exec_unchanged(call, go, filled);
	if (call->ret != E2BIG && (call->ret != -1 || errno != E2BIG))
		return;
	skipped(SKIP_EXEC);
	exec_unchanged(call, go, envp);
	if (call->ret)
		__atomic_fetch_sub(&arena->skipped[SKIP_EXEC], 1, __ATOMIC_RELAXED);
}

/* The arrays must outlive the exec, so they lie in this frame. */
static void exec_with(struct call *call, exec_real *go, strings envp, bool shimmed)
{
	struct env env = { .count = 0 };

	if (!env_look(envp, &env) || env_good(&env, shimmed)) {
		exec_unchanged(call, go, envp);
		return;
	}
	size_t was = env.preload ? strlen(env.preload) : 0;
	size_t ours = strlen(plan_text(plan->preload)), run = strlen(plan_text(plan->rundir));

	if (env.count > MOST_ENTRIES || was + ours + run > MOST_PRELOAD) {
		skipped(SKIP_EXEC);
		exec_unchanged(call, go, envp);
		return;
	}
	const char **filled = alloca((env.count + 3) * sizeof(*filled));
	char *preload = alloca(sizeof(PRELOAD) + was + ours + 1);
	char *rundir = alloca(sizeof(RUN) + run);

	preload_entry(preload, env.preload, shimmed);
	stpcpy(stpcpy(rundir, RUN), plan_text(plan->rundir));
	env_fill(filled, envp, preload, shimmed ? rundir : NULL);
	exec_filled(call, go, (strings)filled, envp);
}

static void exec_file(struct call *call, exec_real *go, int dirfd, const char *path,
		      strings envp)
{
	const char *bypass = path && readable_string(path, 4096) > 0
		? peek_bypass(dirfd, path) : NULL;

	if (bypass)
		trace_bypass(path, bypass);
	exec_with(call, go, envp, !bypass);
}

/* The file execvp(3) would take for `file`: the first on PATH that may be executed. */
static const char *on_path(const char *file, char room[4096])
{
	const char *path = getenv("PATH");
	size_t length;

	if (!file || readable_string(file, 4096) <= 0 || strchr(file, '/'))
		return file;
	length = strlen(file);
	for (path = path ? path : "/bin:/usr/bin"; *path; path += *path == ':') {
		size_t dir = strcspn(path, ":");

		if (dir + length + 2 < 4096) {
			memcpy(room, path, dir);
			room[dir] = '/';
			memcpy(room + dir + 1, file, length + 1);
			if (!sys4(__NR_faccessat, AT_FDCWD, dir ? room : file, X_OK, 0))
				return dir ? room : file;
		}
		path += dir;
	}
	return file;
}

#define REAL(name) ((__typeof__(&name))reals[EXPORT_##name])

/* Declared as libc declares them: a wrapper that drifts does not compile. */
__typeof__(execve) wrap_execve;
__typeof__(execv) wrap_execv;
__typeof__(execvp) wrap_execvp;
__typeof__(execvpe) wrap_execvpe;
__typeof__(execl) wrap_execl;
__typeof__(execle) wrap_execle;
__typeof__(execlp) wrap_execlp;
__typeof__(execveat) wrap_execveat;
__typeof__(fexecve) wrap_fexecve;
__typeof__(posix_spawn) wrap_posix_spawn;
__typeof__(posix_spawnp) wrap_posix_spawnp;

/* ---- execve and those that are execve with another argument list ---- */

static long go_execve(struct call *call, strings envp)
{
	return REAL(execve)((const char *)call->args[0], (strings)call->args[1], envp);
}

static void real_execve(struct call *call)
{
	exec_file(call, go_execve, AT_FDCWD, (const char *)call->args[0],
		  (strings)call->args[2]);
}

static int run_execve(uint16_t id, const char *path, strings argv, strings envp,
		      const void *site)
{
	struct call call;

	call_begin(&call, id, site);
	call.args[0] = (long)path;
	call.args[1] = (long)argv;
	call.args[2] = (long)envp;
	return (int)call_run(&call, real_execve);
}

int wrap_execve(const char *path, strings argv, strings envp)
{
	return run_execve(CALL_execve, path, argv, envp, __builtin_return_address(0));
}

int wrap_execv(const char *path, strings argv)
{
	return run_execve(CALL_execv, path, argv, environ, __builtin_return_address(0));
}

/* ---- execvp, execvpe: libc searches PATH, we only look where it will find ---- */

static long go_execvpe(struct call *call, strings envp)
{
	return REAL(execvpe)((const char *)call->args[0], (strings)call->args[1], envp);
}

static void real_execvpe(struct call *call)
{
	char room[4096];

	exec_file(call, go_execvpe, AT_FDCWD, on_path((const char *)call->args[0], room),
		  (strings)call->args[2]);
}

static int run_execvpe(uint16_t id, const char *file, strings argv, strings envp,
		       const void *site)
{
	struct call call;

	call_begin(&call, id, site);
	call.args[0] = (long)file;
	call.args[1] = (long)argv;
	call.args[2] = (long)envp;
	return (int)call_run(&call, real_execvpe);
}

int wrap_execvp(const char *file, strings argv)
{
	return run_execvpe(CALL_execvp, file, argv, environ, __builtin_return_address(0));
}

int wrap_execvpe(const char *file, strings argv, strings envp)
{
	return run_execvpe(CALL_execvpe, file, argv, envp, __builtin_return_address(0));
}

/* ---- execl, execlp, execle: the list is counted, then becomes an array here ---- */

/* As libc does: the first argument is never looked at, execl(3) asks for one. */
static size_t list_count(va_list list)
{
	size_t count = 2;

	while (va_arg(list, const char *))
		count++;
	return count;
}

static void list_fill(const char **argv, const char *first, va_list list)
{
	*argv++ = first;
	do
		*argv = va_arg(list, const char *);
	while (*argv++);
}

/* The array must live in the wrapper's own frame, hence a macro. */
#define LIST(argv, first) \
	va_list list; \
	va_start(list, first); \
	const char **argv = alloca(list_count(list) * sizeof(*argv)); \
	va_end(list); \
	va_start(list, first); \
	list_fill(argv, first, list)

int wrap_execl(const char *path, const char *arg, ...)
{
	LIST(argv, arg);
	va_end(list);
	return run_execve(CALL_execl, path, (strings)argv, environ,
			  __builtin_return_address(0));
}

int wrap_execle(const char *path, const char *arg, ...)
{
	LIST(argv, arg);
	strings envp = va_arg(list, strings);

	va_end(list);
	return run_execve(CALL_execle, path, (strings)argv, envp,
			  __builtin_return_address(0));
}

int wrap_execlp(const char *file, const char *arg, ...)
{
	LIST(argv, arg);
	va_end(list);
	return run_execvpe(CALL_execlp, file, (strings)argv, environ,
			   __builtin_return_address(0));
}

/* ---- execveat, fexecve: the file is an fd, or under one ---- */

static long go_execveat(struct call *call, strings envp)
{
	return REAL(execveat)((int)call->args[0], (const char *)call->args[1],
			      (strings)call->args[2], envp, (int)call->args[4]);
}

static void fd_file(char name[32], int fd)
{
	char digits[12], *to = stpcpy(name, "/proc/self/fd/");
	int n = 0;

	do
		digits[n++] = (char)('0' + fd % 10);
	while (fd /= 10);
	while (n)
		*to++ = digits[--n];
	*to = 0;
}

static void real_execveat(struct call *call)
{
	char name[32];
	int dirfd = (int)call->args[0];
	const char *path = (const char *)call->args[1];

	if (call->args[4] & AT_EMPTY_PATH && dirfd >= 0 && readable_string(path, 4096) == 0) {
		fd_file(name, dirfd);
		path = name;
	}
	exec_file(call, go_execveat, dirfd, path, (strings)call->args[3]);
}

int wrap_execveat(int dirfd, const char *path, strings argv, strings envp, int flags)
{
	struct call call;

	call_begin(&call, CALL_execveat, __builtin_return_address(0));
	call.args[0] = dirfd;
	call.args[1] = (long)path;
	call.args[2] = (long)argv;
	call.args[3] = (long)envp;
	call.args[4] = flags;
	return (int)call_run(&call, real_execveat);
}

static long go_fexecve(struct call *call, strings envp)
{
	return REAL(fexecve)((int)call->args[0], (strings)call->args[1], envp);
}

static void real_fexecve(struct call *call)
{
	char name[32];

	/* execve(2) takes no environment for an empty one, fexecve(3) refuses it. */
	if (!call->args[2]) {
		exec_unchanged(call, go_fexecve, NULL);
		return;
	}
	fd_file(name, call->args[0] < 0 ? 0 : (int)call->args[0]);
	exec_file(call, go_fexecve, AT_FDCWD, name, (strings)call->args[2]);
}

int wrap_fexecve(int fd, strings argv, strings envp)
{
	struct call call;

	call_begin(&call, CALL_fexecve, __builtin_return_address(0));
	call.args[0] = fd;
	call.args[1] = (long)argv;
	call.args[2] = (long)envp;
	return (int)call_run(&call, real_fexecve);
}

/* ---- posix_spawn ---- */

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
