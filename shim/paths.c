/* Rules in paths.h. Everything on the stack, by raw syscalls: also right after vfork. */
#define _GNU_SOURCE
#include <alloca.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "paths.h"
#include "plan.h"
#include "real.h"
#include "sys.h"
#include "thread.h"

static void number_behind(char *to, const char *folder, int number)
{
	char digits[12];
	int n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	for (to = stpcpy(to, folder); n; to++)
		*to = digits[--n];
	*to = 0;
}

void fd_name(char to[FD_ROOM], int fd)
{
	number_behind(to, "/proc/self/fd/", fd);
}

/* What has no name any more has a word behind its last one, proc(5). */
bool link_path(const char *name, char path[PATH_ROOM])
{
	static const char word[] = " (deleted)";
	const long size = sizeof(word) - 1;
	long length = sys3(__NR_readlink, name, path, PATH_ROOM - 1);
	struct stat st;

	if (length <= 0)
		return false;
	path[length] = 0;
	if (length > size && !strcmp(path + length - size, word)
	    && !sys4(__NR_newfstatat, AT_FDCWD, name, &st, 0) && !st.st_nlink)
		path[length - size] = 0;
	return true;
}

/* The file an fd is open on; false for sockets, pipes and bad numbers. Of this thread: the
 * first one of the process may have ended, or have descriptors of its own (unshare(2)). */
static bool fd_path(int64_t fd, char path[PATH_ROOM])
{
	char name[FD_ROOM];

	if (fd < 0 || fd > 0x7fffffff)
		return false;
	number_behind(name, "/proc/thread-self/fd/", (int)fd);
	return link_path(name, path) && path[0] == '/';
}

bool dir_path(int64_t dirfd, char path[PATH_ROOM])
{
	if ((int)dirfd == AT_FDCWD)
		return sys2(__NR_getcwd, path, PATH_ROOM) > 0 && path[0] == '/';
	return fd_path((int)dirfd, path);
}

/* One component onto `path`; returns its new length, or -1: too long. */
static long push(char *path, long length, const char *part, long size)
{
	if (size == 0 || (size == 1 && part[0] == '.'))
		return length;
	if (size == 2 && part[0] == '.' && part[1] == '.') {
		while (length && path[--length] != '/')
			;
		return length;
	}
	if (length + size + 2 > PATH_ROOM)
		return -1;
	path[length] = '/';
	memcpy(path + length + 1, part, (size_t)size);
	return length + 1 + size;
}

/* `text` appended to the directory already in `path` (of `length` bytes). */
static bool join(char *path, long length, const char *text)
{
	while (*text && length >= 0) {
		const char *end = strchrnul(text, '/');

		length = push(path, length, text, end - text);
		text = *end ? end + 1 : end;
	}
	if (length < 0)
		return false;
	if (!length)
		path[length++] = '/';
	path[length] = 0;
	return true;
}

static bool text_path(const struct call *call, const struct arg *arg, const char *text,
		      char path[PATH_ROOM])
{
	long length = readable_string(text, PATH_ROOM);

	if (length < 0)
		skipped(SKIP_SIGHT);
	/* AT_EMPTY_PATH, or it fails. */
	if (!length && arg->from >= 0)
		return fd_path((int)call->args[arg->from], path);
	if (length <= 0 || length >= PATH_ROOM)
		return false;
	if (text[0] == '/')
		return join(path, 0, text);
	if (!dir_path(arg->from >= 0 ? call->args[arg->from] : AT_FDCWD, path))
		return false;
	length = (long)strlen(path);
	return join(path, length == 1 ? 0 : length, text);
}

/* A program's name is a path only with a slash in it, else it is looked for on PATH. */
static bool is_path(const struct call *call, const struct arg *arg, const char *text)
{
	switch (call->id) {
	case CALL_execlp:
	case CALL_execvp:
	case CALL_execvpe:
	case CALL_posix_spawnp:
		return arg->kind == ARG_STR && readable_string(text, PATH_ROOM) > 0
			&& strchr(text, '/');
	default:
		return arg->kind == ARG_PATH || arg->kind == ARG_TEMPLATE;
	}
}

bool call_path(const struct call *call, uint32_t index, char path[PATH_ROOM])
{
	const struct arg *arg = &rows[call->id].args[index];
	const char *text = (const char *)call->args[index];

	if (quiet)
		return false;
	if (arg->kind == ARG_FD)
		return fd_path((int)call->args[index], path);
	return text && is_path(call, arg, text) && text_path(call, arg, text, path);
}

/* The map whose `from` is `path` or a directory above it. Longest first in the plan. */
static const struct plan_map *map_for(const char *path)
{
	for (uint32_t i = 0; i < plan->nmaps; i++) {
		const struct plan_map *map = parts.maps + i;
		char after = strncmp(path, plan_text(map->from), map->from_len)
			? 'x' : path[map->from_len];

		if (after == 0 || after == '/')
			return map;
	}
	return NULL;
}

/* What is behind the old beginning, from whichever end it does not overwrite itself. */
static void shift(char *path, size_t from, size_t to, size_t size)
{
	if (to < from)
		for (size_t i = 0; i < size; i++)
			path[to + i] = path[from + i];
	else
		while (size--)
			path[to + size] = path[from + size];
}

void path_mapped(const struct call *call, uint32_t index, char path[PATH_ROOM])
{
	bool named = rows[call->id].args[index].kind != ARG_FD
		&& parts.rows[call->id].want & WANT_MAP
		&& !(call->flags & (CALL_MAPPED | CALL_WITHIN));
	const struct plan_map *map = named ? map_for(path) : NULL;
	size_t size = map ? strlen(path) + 1 - map->from_len : 0;

	if (!map || map->to_len + size > PATH_ROOM)
		return;
	shift(path, map->from_len, map->to_len, size);
	memcpy(path, plan_text(map->to), map->to_len);
}

/* "dir/" asks for a directory: what join() drops must come back. */
static bool ends_with_slash(const char *text)
{
	size_t length = strlen(text);

	return length && text[length - 1] == '/';
}

/* Where path argument `i` is to be found instead, into `to` if it has room: bytes with
 * the NUL, or 0 when no map fits. It may be too long for the kernel, which then says so:
 * what is at the old place must not be found. The big frame here is gone before the call
 * is made. */
__attribute__((noinline)) static size_t mapped(const struct call *call, uint32_t i,
					       char *to, size_t room)
{
	char path[PATH_ROOM];
	const char *text = (const char *)call->args[i];
	/* Without a name it is about what is open already. */
	const struct plan_map *map = call_path(call, i, path) && *text ? map_for(path) : NULL;

	if (!map)
		return 0;
	const char *slash = ends_with_slash(text) ? "/" : "";
	const char *rest = path + map->from_len;
	size_t size = map->to_len + strlen(rest) + strlen(slash) + 1;

	if (size <= room)
		stpcpy(stpcpy(stpcpy(to, plan_text(map->to)), rest), slash);
	return size;
}

/* mkstemp(3) and its kin write the name they made into the program's template: of one
 * that was mapped, what stands behind the last slash. mktemp(3) empties one it can't fill. */
static void fill_template(const struct call *call, const char *mapped_path, char *template)
{
	const char *made = strrchr(mapped_path, '/');
	char *last = strrchr(template, '/');

	if (!made)
		*template = 0;
	else if (call->ret != -1 && call->ret)
		strcpy(last ? last + 1 : template, made + 1);
}

/* Asked twice, for a path that is mapped: small stacks have no room for PATH_ROOM
 * under the real call, and the path has to live until that is over. */
long map_run(struct call *call, call_real *real, const struct plan_rule *rule, call_rest *rest)
{
	const struct row *row = &rows[call->id];
	char *template = NULL, *filled = NULL;

	for (uint32_t i = 0; i < row->nargs; i++) {
		size_t size = row->args[i].kind == ARG_FD ? 0 : mapped(call, i, NULL, 0);

		if (!size)
			continue;
		char *to = alloca(size);

		if (mapped(call, i, to, size) != size)
			continue;
		if (row->args[i].kind == ARG_TEMPLATE) {
			template = (char *)call->args[i];
			filled = to;
		}
		call->args[i] = (int64_t)to;
		call->flags |= CALL_MAPPED;
	}
	long ret = rest(call, real, rule);

	if (template)
		fill_template(call, filled, template);
	/* mkdtemp(3) returns the template it was given. */
	return template && ret == (long)filled ? (long)template : ret;
}
