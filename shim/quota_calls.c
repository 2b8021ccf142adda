/* Rules in quota_calls.h, and quota_concerns() of quota.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include "glob.h"
#include "paths.h"
#include "quota.h"
#include "quota_calls.h"
#include "real.h"
#include "sys.h"
#include "thread.h"

/* ---- what a call works on ---- */

enum role quota_role(const struct call *call)
{
	switch (call_number(call)) {
	case __NR_write:
	case __NR_pwrite64:
	case __NR_writev:
	case __NR_pwritev:
	case __NR_pwritev2: return ROLE_WRITE;
	case __NR_sendfile:
	case __NR_copy_file_range:
	case __NR_splice: return ROLE_COPY;
	case __NR_fallocate: return ROLE_ALLOCATE;
	case __NR_ftruncate: return ROLE_RESIZE;
	case __NR_open:
	case __NR_openat:
	case __NR_openat2:
	case __NR_creat: return ROLE_OPEN;
	case __NR_close: return ROLE_CLOSE;
	case __NR_truncate: return ROLE_TRUNCATE;
	case __NR_unlink:
	case __NR_unlinkat: return ROLE_UNLINK;
	case __NR_rename:
	case __NR_renameat:
	case __NR_renameat2: return ROLE_RENAME;
	default: return call->id == CALL_remove ? ROLE_UNLINK : ROLE_NONE;
	}
}

/* Of both the last argument. */
static int64_t flags_if(const struct call *call, long number)
{
	return call_number(call) == number ? call->args[rows[call->id].nargs - 1] : 0;
}

int64_t quota_rwf(const struct call *call)
{
	return flags_if(call, __NR_pwritev2);
}

bool quota_exchanges(const struct call *call)
{
	return flags_if(call, __NR_renameat2) & (RENAME_EXCHANGE | RENAME_WHITEOUT);
}

/* The descriptor that is written to, or that the call is about. */
uint32_t quota_out(const struct call *call)
{
	long number = call_number(call);

	return number == __NR_copy_file_range || number == __NR_splice ? 2 : 0;
}

uint32_t quota_new_path(const struct call *call)
{
	return path_argument(call, path_argument(call, 0) + 1);
}

static bool truncates(const struct call *call)
{
	uint32_t path = path_argument(call, 0);
	const struct open_how *how = (const void *)call->args[path + 1];

	if (call_number(call) == __NR_creat)
		return true;
	if (call_number(call) == __NR_openat2)
		return readable(how, sizeof(*how)) && how->flags & O_TRUNC;
	return call->args[path + 1] & O_TRUNC;
}

/* ---- what it takes ---- */

int64_t quota_pages_of_bytes(int64_t bytes)
{
	return bytes / PAGE + (bytes % PAGE != 0);
}

/* Blocks are of 512 bytes, stat(2). Those behind the end of the file are its file system's
 * own affair, and so are those by which it finds the others. */
int64_t quota_pages(const struct stat *st)
{
	int64_t blocks = quota_pages_of_bytes(st->st_blocks * 512);
	int64_t size = quota_pages_of_bytes(st->st_size);

	return blocks < size ? blocks : size;
}

bool quota_fd(int64_t fd, struct stat *st)
{
	return !sys2(__NR_fstat, (int)fd, st) && S_ISREG(st->st_mode);
}

bool quota_stat(const struct call *call, uint32_t index, int flags, struct stat *st)
{
	const struct row *row = &rows[call->id];

	if (index >= row->nargs)
		return false;
	int8_t from = row->args[index].from;
	int64_t dirfd = from >= 0 ? call->args[from] : AT_FDCWD;

	return !sys4(__NR_newfstatat, (int)dirfd, call->args[index], st, flags)
		&& S_ISREG(st->st_mode);
}

/* ---- which calls it is about ---- */

__attribute__((noinline)) bool quota_fits(const struct call *call, uint32_t index,
					  const char *glob)
{
	char path[PATH_ROOM];

	if (index >= rows[call->id].nargs || !call_path(call, index, path))
		return false;
	path_mapped(call, index, path);
	return glob_match(glob, path);
}

/* Only the last descriptor of what has no name frees it: of which is the last we can't
 * know, and the next call that writes to it puts it right. */
__attribute__((noinline)) static bool closes_unnamed(const struct call *call)
{
	struct stat st;

	return quota_fd(call->args[0], &st) && !st.st_nlink;
}

bool quota_concerns(const struct call *call, const char *glob)
{
	if (quiet)
		return false;
	switch (quota_role(call)) {
	case ROLE_NONE: return false;
	case ROLE_WRITE:
	case ROLE_COPY:
	case ROLE_ALLOCATE:
	case ROLE_RESIZE: return quota_fits(call, quota_out(call), glob);
	case ROLE_CLOSE: return closes_unnamed(call) && quota_fits(call, 0, glob);
	case ROLE_OPEN: return truncates(call) && quota_fits(call, path_argument(call, 0), glob);
	case ROLE_TRUNCATE:
	case ROLE_UNLINK: return quota_fits(call, path_argument(call, 0), glob);
	case ROLE_RENAME: return quota_fits(call, path_argument(call, 0), glob)
			|| quota_fits(call, quota_new_path(call), glob);
	}
	return false;
}
