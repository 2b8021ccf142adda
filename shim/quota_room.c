/* Rules in quota_room.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include "partly.h"
#include "quota_calls.h"
#include "quota_files.h"
#include "quota_room.h"
#include "sys.h"
#include "thread.h"

static int64_t position(int64_t fd)
{
	return sys3(__NR_lseek, (int)fd, 0, SEEK_CUR);
}

static int64_t at_offset(int64_t fd, int64_t pointer)
{
	if (!pointer)
		return position(fd);
	return readable((const void *)pointer, 8) ? *(const int64_t *)pointer : -1;
}

bool quota_writable(int64_t fd)
{
	long flags = sys2(__NR_fcntl, (int)fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* RWF_NOAPPEND is Linux 6.9's. An `a`ppending descriptor writes to the end whatever offset is
 * asked for, pwrite(2), BUGS. */
static bool appends(const struct call *call, long flags)
{
	int64_t rwf = quota_rwf(call);

	return rwf & RWF_APPEND || (flags & O_APPEND && !(rwf & NO_APPEND));
}

static int64_t offset_of(const struct call *call, const struct span *span, long flags)
{
	long number = call_number(call);
	bool at = number == __NR_pwrite64 || number == __NR_pwritev || number == __NR_pwritev2;

	if (appends(call, flags))
		return span->st.st_size;
	if (number == __NR_copy_file_range || number == __NR_splice)
		return at_offset(span->fd, call->args[3]);
	if (at && !(number == __NR_pwritev2 && call->args[3] == -1))
		return call->args[3];
	return position(span->fd);
}

/* Of a pipe, a socket, a device: what waits there. With nothing there yet somebody may
 * still write it, unless it is ready: then that is its end. */
static int64_t waiting_in(int64_t fd)
{
	struct pollfd asked = { .fd = (int)fd, .events = POLLIN };
	int waiting = 0;
	long err = sys3(__NR_ioctl, (int)fd, FIONREAD, &waiting);

	if (err == -EBADF || waiting > 0)
		return waiting;
	return !err && sys3(__NR_poll, &asked, 1, 0) ? 0 : INT64_MAX;
}

/* What there is to be copied; at the end of it nothing has to fit. */
static int64_t source_left(const struct call *call)
{
	bool sends = call_number(call) == __NR_sendfile;
	int64_t fd = call->args[sends], at;
	struct stat st;

	if ((sys2(__NR_fcntl, (int)fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
		return 0;
	if (!quota_fd(fd, &st))
		return call_number(call) == __NR_copy_file_range ? 0 : waiting_in(fd);
	at = at_offset(fd, call->args[sends ? 2 : 1]);
	return at >= 0 && at < st.st_size ? st.st_size - at : 0;
}

static bool faults(const struct call *call)
{
	const struct row *row = &rows[call->id];

	return row->moves == MOVES_BYTES && row->args[1].kind == ARG_IN
		&& !readable((const void *)call->args[1], 1);
}

/* Flags that there are not. */
static bool is_refused(const struct call *call)
{
	if (call_number(call) == __NR_copy_file_range)
		return call->args[5];
	return quota_rwf(call) & ~(int64_t)KNOWN_RWF;
}

/* False: it takes nothing, or fails by itself. */
bool quota_span(const struct call *call, struct span *span)
{
	span->fd = call->args[quota_out(call)];
	span->bytes = (int64_t)call_moves(call);
	if (quota_role(call) == ROLE_COPY) {
		int64_t left = source_left(call);

		span->bytes = left < span->bytes || span->bytes < 0 ? left : span->bytes;
	}
	long flags = sys2(__NR_fcntl, (int)span->fd, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || span->bytes <= 0 || faults(call)
	    || is_refused(call))
		return false;
	/* Nobody copies to an end that moves, copy_file_range(2), sendfile(2). */
	if (quota_role(call) == ROLE_COPY && flags & O_APPEND)
		return false;
	span->from = offset_of(call, span, flags);
	return span->from >= 0 && span->from <= INT64_MAX - PAGE - span->bytes;
}

/* Of a file with holes: they read as zeros, and so may what is none. */
static bool is_hole(const struct span *span, int64_t page)
{
	uint64_t words[64];
	int64_t got, at = page * PAGE, end = at + PAGE;

	while (at < end) {
		got = sys4(__NR_pread64, (int)span->fd, words, sizeof(words), at);
		if (got <= 0)
			return true;
		for (int64_t i = 0; i < got; i++)
			if (((const char *)words)[i])
				return false;
		at += got;
	}
	return true;
}

/* How many of the pages from `page` to `end` are to be taken, counted up to `most` of them;
 * `*page` is then the first that has no room any more. */
static int64_t fresh(const struct span *span, int64_t *page, int64_t end, int64_t most)
{
	int64_t there = quota_pages_of_bytes(span->st.st_size), taken = 0;
	bool holes = quota_pages(&span->st) < there;

	if (!holes && *page < there)
		*page = there < end ? there : end;
	for (; *page < there && *page < end; ++*page) {
		bool takes = is_hole(span, *page);

		if (takes && taken == most)
			return taken;
		taken += takes;
	}
	int64_t rest = end - *page < most - taken ? end - *page : most - taken;

	*page += rest;
	return taken + rest;
}

int64_t quota_room(const struct plan_rule *rule)
{
	/* Relaxed: a sum that others change at any moment. */
	int64_t used = __atomic_load_n(&arena->used[rule->index], __ATOMIC_RELAXED);

	return used < rule->quota ? rule->quota - used : 0;
}

/* As many bytes as there is room for. */
static int64_t fitting(const struct span *span, int64_t pages)
{
	int64_t page = span->from / PAGE;
	int64_t end = quota_pages_of_bytes(span->from + span->bytes);

	if (end - page <= pages)
		return span->bytes;
	fresh(span, &page, end, pages);
	int64_t bytes = page * PAGE - span->from;

	return bytes < span->bytes ? bytes > 0 ? bytes : 0 : span->bytes;
}

int64_t quota_fitting(const struct span *span, const struct plan_rule *rule)
{
	int64_t fit = fitting(span, quota_room(rule));

	if (fit < span->bytes && quota_forget_dead(rule->index))
		fit = fitting(span, quota_room(rule));
	return fit;
}
