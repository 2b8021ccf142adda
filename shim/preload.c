/* Rules in preload.h. */
#define _GNU_SOURCE
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "peek.h"
#include "plan.h"
#include "preload.h"
#include "process_hooks.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum { MOST_ENTRIES = 65536, MOST_PRELOAD = 8192, RUNDIR_ROOM = 512 };

#define PRELOAD "LD_PRELOAD="
#define RUN "PYSHIM_RUN="

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
	bool other;            /* ... or another one that there is */
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

/* A pyshim started in a target puts its own target into a run of its own. What is left
 * of a run that has ended is none. */
static bool is_other_run(const char *rundir)
{
	return *rundir && strcmp(rundir, plan_text(plan->rundir)) && !quiet
		&& !sys4(__NR_faccessat2, AT_FDCWD, rundir, X_OK, AT_EACCESS);
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
		else if (begins(entry, RUN)) {
			env->run = !strcmp(entry + strlen(RUN), plan_text(plan->rundir));
			env->other = is_other_run(entry + strlen(RUN));
		}
	}
	return !env->other;
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

void exec_unchanged(struct call *call, exec_real *go, strings envp)
{
	process_execing(true);
	call->ret = go(call, envp);
	process_execing(false);
}

/* An environment that only our entries make too large is handed on without them. */
static void exec_filled(struct call *call, exec_real *go, strings filled, strings envp)
{
	exec_unchanged(call, go, filled);
	if (call->ret != E2BIG && call->ret != -E2BIG && (call->ret != -1 || errno != E2BIG))
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

/* Only what says so plainly: a filter may refuse this syscall with any other error. */
static bool denied(int dirfd, const char *path, long how)
{
	long ret = sys4(__NR_faccessat2, dirfd, path, how, AT_EACCESS);

	return ret == -EACCES || ret == -ENOENT || ret == -ENOTDIR || ret == -EROFS;
}

/* Who has become another user, or has another root, may not get at the shim any more:
 * ld.so would complain of that on stderr. */
static bool out_of_reach(void)
{
	char shared[RUNDIR_ROOM];
	const char *preload = plan_text(plan->preload), *last = strrchr(preload, ':');

	stpcpy(stpcpy(shared, plan_text(plan->rundir)), "/arena");
	/* libpyalloc.so lies beside the shim, and is named before it. */
	return denied(AT_FDCWD, last ? last + 1 : preload, R_OK)
		|| denied(AT_FDCWD, shared, R_OK | W_OK);
}

void exec_file(struct call *call, exec_real *go, int dirfd, const char *path,
		      strings envp)
{
	bool named = path && readable_string(path, 4096) > 0;
	const char *bypass = named ? peek_bypass(dirfd, path) : NULL;

	if (!bypass && out_of_reach())
		bypass = "the shim is out of reach: another user, or another root";
	/* What can't be executed bypasses nothing; where exec is not traced, the host does
	 * not hear that it failed. */
	if (bypass && named && !denied(dirfd, path, X_OK))
		trace_bypass(path, bypass);
	/* Who looks along PATH asks for many that are not there. */
	if (plan->moment_hooks[MOMENT_EXEC] && named && !denied(dirfd, path, X_OK))
		process_execs(call, dirfd, path, envp);
	exec_with(call, go, envp, !bypass);
}

static const char *search_path(void)
{
	for (char **entry = environ; entry && *entry; entry++)
		if (begins(*entry, "PATH="))
			return *entry + strlen("PATH=");
	return NULL;
}

const char *on_path(const char *file, char room[4096])
{
	const char *path = search_path();
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
