/*
 * The constructor. Linked with -z initfirst, so it runs before every other library's:
 * libc is relocated but has not set `environ` yet, which is why the environment is
 * taken from the arguments. Whatever is missing or does not fit, the shim stays out:
 * the slots keep going to the next library, and the host sees that nobody said hello.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "alloc.h"
#include "catchall.h"
#include "chunk.h"
#include "inner.h"
#include "patch.h"
#include "plan.h"
#include "process_hooks.h"
#include "python.h"
#include "real.h"
#include "remote.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

struct plan_parts parts;

enum { NAME_ROOM = 512, PAGE = 4096 };

static const char *run_dir(char **envp)
{
	for (; envp && *envp; envp++)
		if (!strncmp(*envp, "PYSHIM_RUN=", 11))
			return *envp + 11;
	return NULL;
}

static long open_file(const char *dir, const char *name, int flags)
{
	char path[NAME_ROOM];

	if (strlen(dir) + strlen(name) + 2 > sizeof(path))
		return -1;
	stpcpy(stpcpy(stpcpy(path, dir), "/"), name);
	return sys3(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC);
}

static void *map(long fd, uint64_t size, int protection)
{
	long at = sys6(__NR_mmap, 0, (long)size, protection, MAP_SHARED, fd, 0);

	return at < 0 && at > -4096 ? NULL : (void *)at;
}

/* The whole plan, or NULL. No fd stays open. */
static struct plan *map_plan(const char *dir)
{
	long fd = open_file(dir, "plan", O_RDONLY);
	struct plan *found;

	if (fd < 0)
		return NULL;
	found = map(fd, (uint64_t)sys3(__NR_lseek, fd, 0, SEEK_END), PROT_READ);
	sys1(__NR_close, fd);
	return found;
}

/* Not even the first chunk: the first page, to say so. */
static void tell_no_memory(long fd)
{
	struct arena *page = map(fd, PAGE, PROT_READ | PROT_WRITE);

	if (!page)
		return;
	__atomic_fetch_add(&page->skipped[SKIP_MEMORY], 1, __ATOMIC_RELAXED);
	sys2(__NR_munmap, page, PAGE);
}

/* The arena up to its first chunk, or NULL: the address space is the program's, which
 * may have a limit. chunk.c maps what else is needed. */
static struct arena *map_arena(const char *dir)
{
	struct arena head, *found = NULL;
	const size_t known = offsetof(struct arena, skipped);
	long fd = open_file(dir, "arena", O_RDWR);

	if (fd < 0)
		return NULL;
	if (sys4(__NR_pread64, fd, &head, known, 0) == (long)known) {
		found = map(fd, (uint64_t)head.chunks_at + head.chunk_size,
			    PROT_READ | PROT_WRITE);
		if (!found)
			tell_no_memory(fd);
	}
	sys1(__NR_close, fd);
	return found;
}

static bool fits(const struct plan *found)
{
	return found && found->magic == WIRE_MAGIC && found->version == WIRE_VERSION
		&& found->digest == TABLE_DIGEST;
}

/* For hooks in the host; NULL where there is no room for it: then there are none. */
static struct remote *map_remote(const char *dir)
{
	long fd = open_file(dir, "hooks", O_RDWR);
	struct remote *found;

	if (fd < 0)
		return NULL;
	found = map(fd, REMOTE_AT * (REMOTE_CHANNELS + 1ul), PROT_READ | PROT_WRITE);
	sys1(__NR_close, fd);
	return found;
}

static void wrap_wanted(void)
{
	alloc_init();
	for (uint32_t i = 0; i < NEXPORTS; i++)
		if (wrapper_at[i] && alloc_wraps(i))
			real_wrap(i);
}

/* exit(3) has run every other handler by now: ours was registered first. What it writes
 * out behind us is seen by the catch-all alone, and so is its end. */
static void at_exit(int status, void *unused)
{
	(void)unused;
	if (thread.armed || !thread_ready())
		return;
	process_ends(status);
	if (plan->flags & PLAN_UNHEARD)
		return;
	trace_exit(status);
	chunk_release();
}

/* valgrind passes the prctl(2) on to the kernel, which would then send valgrind's own syscalls
 * back: it would be killed. */
static void arm(void)
{
	if (!object_defining(VALGRIND, "") && catchall_arm())
		patch_libraries();
	else
		skipped(SKIP_UNARMED);
}

__attribute__((constructor)) static void start(int argc, char **argv, char **envp)
{
	const char *dir = run_dir(envp);

	(void)argc;
	(void)argv;
	if (!dir)
		return;
	plan = map_plan(dir);
	arena = fits(plan) ? map_arena(dir) : NULL;
	if (!arena || !inner_find() || !process_init(envp))
		return;
	plan_find_parts();
	if (plan->nhooks) {
		python_init();
		remote_init(map_remote(dir));
	}
	chunk_init();
	if (!thread_ready())
		return;
	trace_start(false);
	if (!(plan->flags & PLAN_UNHEARD) || plan->moment_hooks[MOMENT_EXIT])
		inner.on_exit(at_exit, NULL);
	wrap_wanted();
	if (plan->flags & PLAN_FULL)
		arm();
	/* Last: an import may start threads, and only a process that has one is patched. */
	if (plan->nhooks)
		process_starts(envp);
}
