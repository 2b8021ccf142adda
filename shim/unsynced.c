/*
 * Rules in unsynced.h. The log has no lock. One word says how many entries are live, how
 * many there are and how many pieces of data they have: to take one is one compare and
 * swap, and with the last live one all begin anew. An entry whose writer was killed before
 * it was whole is never live, and keeps the log from beginning anew: no more than that.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "plan.h"
#include "quota_calls.h"
#include "quota_files.h"
#include "quota_room.h"
#include "sys.h"
#include "thread.h"
#include "unsynced.h"

enum { FILES = 0xffff };  /* no rule's */

/* ---- the log ---- */

/* The parts of undo_log.state. */
enum { BITS = 21, MASK = (1 << BITS) - 1 };

static uint64_t live_of(uint64_t state) { return state >> 2 * BITS; }
static uint64_t entries_of(uint64_t state) { return state >> BITS & MASK; }
static uint64_t pieces_of(uint64_t state) { return state & MASK; }

static struct undo_log *the_log(void)
{
	return (void *)((char *)arena + arena->undo_at);
}

static uint64_t state_now(void)
{
	/* Acquire pairs with the release of whoever took the entries that we may see. */
	return __atomic_load_n(&the_log()->state, __ATOMIC_ACQUIRE);
}

static bool change(uint64_t *seen, uint64_t to)
{
	return __atomic_compare_exchange_n(&the_log()->state, seen, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* An entry with room for so many bytes, not live yet, or NULL. */
static struct undo *take(uint64_t bytes)
{
	uint64_t pieces = (bytes + UNDO_PIECE - 1) / UNDO_PIECE, seen = state_now();

	do {
		if (entries_of(seen) >= UNDO_ENTRIES || pieces > UNDO_PIECES - pieces_of(seen))
			return NULL;
	} while (!change(&seen, seen + (1ul << 2 * BITS) + (1ul << BITS) + pieces));
	struct undo *undo = the_log()->entries + entries_of(seen);

	undo->kept = (uint32_t)bytes;
	undo->piece = (uint32_t)pieces_of(seen);
	return undo;
}

/* One live entry less; with the last of them there are none. */
static void let_go(void)
{
	uint64_t seen = state_now(), left;

	do
		left = live_of(seen) > 1 ? seen - (1ul << 2 * BITS) : 0;
	while (!change(&seen, left));
}

static char *data_of(const struct undo *undo)
{
	return the_log()->data + (uint64_t)undo->piece * UNDO_PIECE;
}

static bool is_live(const struct undo *undo, uint64_t key)
{
	/* Acquire pairs with the release in keep(): the rest of it is there. */
	return __atomic_load_n(&undo->live, __ATOMIC_ACQUIRE) && (!key || undo->key == key);
}

/* Whoever gets it undoes it or lets go of it. */
static bool claim(struct undo *undo)
{
	return __atomic_exchange_n(&undo->live, 0, __ATOMIC_ACQ_REL);
}

/* Of that file, or of all: 0. */
static void forget(uint64_t key, uint32_t upto)
{
	for (uint32_t i = 0; i < upto; i++) {
		struct undo *undo = the_log()->entries + i;

		if (is_live(undo, key) && claim(undo))
			let_go();
	}
}

/* ---- keeping ---- */

/* All of it, or it is not worth anything. */
static bool read_old(const struct undo *undo, int64_t fd, int64_t from)
{
	uint64_t done = 0;

	while (done < undo->kept) {
		long got = sys4(__NR_pread64, (int)fd, data_of(undo) + done,
				undo->kept - done, from + (int64_t)done);

		if (got <= 0)
			return false;
		done += (uint64_t)got;
	}
	return true;
}

/* What lies from `from` on, so many bytes, of a file that is `st`. */
static void keep(struct unsynced_use *use, int64_t fd, const struct stat *st, int64_t from,
		 int64_t bytes)
{
	int64_t there = st->st_size - from;
	int64_t old = there < bytes ? there : bytes;
	struct undo *undo = take(old > 0 ? (uint64_t)old : 0);

	if (!undo) {
		skipped(SKIP_UNSYNCED);
		return;
	}
	undo->key = quota_key(st, FILES);
	undo->offset = from;
	undo->size = st->st_size;
	if (!read_old(undo, fd, from)) {
		skipped(SKIP_UNSYNCED);
		undo->kept = 0;
	}
	use->kept = undo;
	use->kept_key = undo->key;
	/* Release: who finds it live finds all of it. */
	__atomic_store_n(&undo->live, 1, __ATOMIC_RELEASE);
}

/* The call has failed: nothing was overwritten, and there is nothing to be synced. */
static void keep_not(const struct unsynced_use *use)
{
	if (is_live(use->kept, use->kept_key) && claim(use->kept))
		let_go();
}

/* What is written so is on the disk when the call is back, open(2). */
static bool is_synchronous(const struct call *call, int64_t fd)
{
	return quota_rwf(call) & (RWF_DSYNC | RWF_SYNC)
		|| sys2(__NR_fcntl, (int)fd, F_GETFL) & O_DSYNC;
}

static void keep_write(const struct call *call, struct unsynced_use *use)
{
	struct span span;

	if (quota_fd(call->args[quota_out(call)], &span.st) && quota_span(call, &span)
	    && !is_synchronous(call, span.fd))
		keep(use, span.fd, &span.st, span.from, span.bytes);
}

static void keep_resize(const struct call *call, struct unsynced_use *use)
{
	int64_t to = call->args[1];
	struct stat st;

	if (to >= 0 && quota_fd(call->args[0], &st) && to != st.st_size)
		keep(use, call->args[0], &st, to, INT64_MAX - to);
}

/* Room that is reserved makes it longer at most; what else fallocate(2) does is not kept. */
static void keep_allocate(const struct call *call, struct unsynced_use *use)
{
	bool has_mode = rows[call->id].nargs == 4;
	struct stat st;

	if (has_mode && call->args[1] & ~FALLOC_FL_KEEP_SIZE)
		skipped(SKIP_UNSYNCED);
	else if (quota_fd(call->args[0], &st))
		keep(use, call->args[0], &st, st.st_size, 0);
}

/* ---- around a call ---- */

/* A file that goes or is emptied by its name: its number may soon be another's. */
static uint64_t key_of_path(const struct call *call, uint32_t path, int flags, bool last)
{
	struct stat st;

	if (!quota_stat(call, path, flags, &st) || (last && st.st_nlink != 1))
		return 0;
	return quota_key(&st, FILES);
}

static uint64_t key_of_fd(int64_t fd)
{
	struct stat st;

	return quota_fd(fd, &st) ? quota_key(&st, FILES) : 0;
}

static void begin_sync(const struct call *call, struct unsynced_use *use)
{
	switch (call_number(call)) {
	case __NR_fsync:
	case __NR_fdatasync: use->key = key_of_fd(call->args[0]); break;
	case __NR_sync:
	case __NR_syncfs: use->all = true; break;
	default: break;
	}
}

void unsynced_begin(const struct call *call, struct unsynced_use *use)
{
	*use = (struct unsynced_use){ .upto = (uint32_t)entries_of(state_now()) };
	if (quiet)
		return;
	switch (quota_role(call)) {
	case ROLE_NONE: begin_sync(call, use); break;
	case ROLE_WRITE:
	case ROLE_COPY: keep_write(call, use); break;
	case ROLE_ALLOCATE: keep_allocate(call, use); break;
	case ROLE_RESIZE: keep_resize(call, use); break;
	case ROLE_OPEN:
	case ROLE_TRUNCATE: use->key = key_of_path(call, path_argument(call, 0), 0, false); break;
	case ROLE_UNLINK:
		use->key = key_of_path(call, path_argument(call, 0), AT_SYMLINK_NOFOLLOW, true);
		break;
	case ROLE_RENAME:
		if (quota_exchanges(call))
			break;
		use->key = key_of_path(call, quota_new_path(call), AT_SYMLINK_NOFOLLOW, true);
		break;
	case ROLE_CLOSE: break;
	}
}

void unsynced_end(const struct call *call, const struct unsynced_use *use)
{
	if (call->err && use->kept)
		keep_not(use);
	else if (!call->err && (use->key || use->all))
		forget(use->key, use->upto);
}

/* ---- losing ---- */

bool unsynced_any(const struct call *call)
{
	uint64_t key = quiet ? 0 : key_of_fd(call->args[0]);
	uint64_t n = key ? entries_of(state_now()) : 0;

	for (uint64_t i = 0; i < n; i++)
		if (is_live(the_log()->entries + i, key))
			return true;
	return false;
}

/* To where it was, also by a descriptor that appends. */
static bool write_back(const struct undo *undo, int64_t fd)
{
	struct iovec piece = { data_of(undo), undo->kept };
	long flags = sys2(__NR_fcntl, (int)fd, F_GETFL);

	return !undo->kept || sys6(__NR_pwritev2, (int)fd, (long)&piece, 1, undo->offset, 0,
				   flags & O_APPEND ? NO_APPEND : 0) == (long)undo->kept;
}

/* From the last to the first: what the first found was there at the last sync. */
void unsynced_lose(const struct call *call)
{
	int64_t fd = call->args[0], size = -1;
	uint64_t key = key_of_fd(fd);

	for (uint64_t i = entries_of(state_now()); key && i--;) {
		struct undo *undo = the_log()->entries + i;

		if (!is_live(undo, key) || !claim(undo))
			continue;
		size = undo->size;
		if (!write_back(undo, fd))
			skipped(SKIP_UNSYNCED);
		let_go();
	}
	if (size >= 0 && sys2(__NR_ftruncate, (int)fd, size))
		skipped(SKIP_UNSYNCED);
}
