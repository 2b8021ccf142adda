/*
 * Rules in quota.h. Sizes are the kernel's: after each call the file itself is asked what
 * it takes, fstat(2), so holes, O_APPEND and overwriting need no thought. Only what is
 * about to be taken has to be foreseen, and that only when room is short.
 *
 * Two that write at the same moment may both find the last room free: the disk is then
 * over-full by one call of each, and says ENOSPC until that is freed again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "actions.h"
#include "failure.h"
#include "partly.h"
#include "plan.h"
#include "quota.h"
#include "quota_calls.h"
#include "quota_files.h"
#include "quota_room.h"
#include "sys.h"
#include "thread.h"

static struct quota_file_use use_of(const struct stat *st, const struct plan_rule *rule)
{
	return (struct quota_file_use){ quota_key(st, rule->index), quota_pages(st) };
}

/* Beyond the program's own limit of a file's size it fails as it does without us. */
static bool is_beyond_limit(int64_t size)
{
	struct rlimit limit;

	return !sys4(__NR_prlimit64, 0, RLIMIT_FSIZE, 0, &limit)
		&& (uint64_t)size > limit.rlim_cur;
}

static void refuse(struct call *call, const struct plan_rule *rule)
{
	act_late(call, rule);
	failure_make(call, ENOSPC);
	call->flags |= CALL_ANSWERED;
}

/* What another rule has left of it. */
static int64_t shorter(const struct call *call, const struct plan_rule *rule, int64_t bytes)
{
	int64_t few = (int64_t)call_fewer(call, rule->value);

	return few < bytes ? few : bytes;
}

/* ---- before the call: what has a struct stat or more on the stack is no part of
 * quota_begin(), from where quota_fits() is called with its path ---- */

__attribute__((noinline))
static void begin_write(struct call *call, const struct plan_rule *rule, struct quota_use *use)
{
	struct span span;

	if (!quota_fd(call->args[quota_out(call)], &span.st))
		return;
	use->file = use_of(&span.st, rule);
	if (!quota_span(call, &span))
		return;
	if (rule->action & ACT_SHORT)
		span.bytes = shorter(call, rule, span.bytes);
	int64_t fit = quota_fitting(&span, rule);

	if (fit == span.bytes || is_beyond_limit(span.from + 1))
		return;
	if (!fit) {
		refuse(call, rule);
		return;
	}
	act_late(call, rule);
	use->fit = (uint64_t)fit;
}

/* posix_fallocate(3) has no mode. Punching and the like is not foreseen, but counted. */
__attribute__((noinline))
static void begin_allocate(struct call *call, const struct plan_rule *rule,
			   struct quota_use *use)
{
	bool has_mode = rows[call->id].nargs == 4;
	int64_t mode = has_mode ? call->args[1] : 0, from = call->args[1 + has_mode];
	struct span span = { .fd = call->args[0], .from = from,
			     .bytes = call->args[2 + has_mode] };

	if (!quota_fd(span.fd, &span.st))
		return;
	use->file = use_of(&span.st, rule);
	if (mode & ~FALLOC_FL_KEEP_SIZE || from < 0 || span.bytes <= 0
	    || from > INT64_MAX - PAGE - span.bytes)
		return;
	if (!quota_writable(span.fd) || quota_fitting(&span, rule) == span.bytes)
		return;
	if (mode & FALLOC_FL_KEEP_SIZE || !is_beyond_limit(from + span.bytes))
		refuse(call, rule);
}

__attribute__((noinline))
static void begin_path(const struct call *call, const struct plan_rule *rule,
		       struct quota_use *use, int flags)
{
	struct stat st;

	if (quota_stat(call, path_argument(call, 0), flags, &st))
		use->file = use_of(&st, rule);
}

/* With a second name it stays. */
__attribute__((noinline))
static void begin_unlink(const struct call *call, uint32_t path, const struct plan_rule *rule,
			 struct quota_file_use *use)
{
	struct stat st;

	if (quota_stat(call, path, AT_SYMLINK_NOFOLLOW, &st) && st.st_nlink == 1)
		*use = use_of(&st, rule);
}

/* From elsewhere it comes with all its pages; to elsewhere it takes them along. */
__attribute__((noinline))
static void begin_move(struct call *call, const struct plan_rule *rule, struct quota_use *use,
		       bool was, bool will)
{
	uint32_t from = path_argument(call, 0), to = quota_new_path(call);
	struct stat st;

	if (quota_stat(call, from, AT_SYMLINK_NOFOLLOW, &st))
		use->file = use_of(&st, rule);
	if (will)
		begin_unlink(call, to, rule, &use->other);
	/* Onto itself it does nothing, rename(2). */
	if (use->other.key == use->file.key)
		use->other.key = 0;
	if (was == will)
		use->file.key = 0;
	if (!use->file.key)
		return;
	use->leaves = was;
	if (will && use->file.pages > quota_room(rule) + (use->other.key ? use->other.pages : 0))
		refuse(call, rule);
}

static void begin_rename(struct call *call, const struct plan_rule *rule, struct quota_use *use)
{
	const char *glob = plan_text(rule->glob);
	bool was = quota_fits(call, path_argument(call, 0), glob);
	bool will = quota_fits(call, quota_new_path(call), glob);

	if (!quota_exchanges(call))
		begin_move(call, rule, use, was, will);
}

__attribute__((noinline))
static void begin_fd(const struct call *call, const struct plan_rule *rule,
		     struct quota_use *use)
{
	struct stat st;

	use->leaves = quota_role(call) == ROLE_CLOSE;
	if (quota_fd(call->args[0], &st))
		use->file = use_of(&st, rule);
}

void quota_begin(struct call *call, const struct plan_rule *rule, struct quota_use *use)
{
	*use = (struct quota_use){ .fit = 0 };
	switch (quota_role(call)) {
	case ROLE_NONE: break;
	case ROLE_WRITE:
	case ROLE_COPY: begin_write(call, rule, use); break;
	case ROLE_ALLOCATE: begin_allocate(call, rule, use); break;
	case ROLE_RESIZE:
	case ROLE_CLOSE: begin_fd(call, rule, use); break;
	case ROLE_OPEN:
	case ROLE_TRUNCATE: begin_path(call, rule, use, 0); break;
	case ROLE_UNLINK:
		use->leaves = true;
		begin_unlink(call, path_argument(call, 0), rule, &use->file);
		break;
	case ROLE_RENAME: begin_rename(call, rule, use); break;
	}
}

/* ---- behind it ---- */

/* What it takes now; the same file as before, or it is not counted. */
static void count(const struct quota_file_use *before, const struct stat *now,
		  const struct plan_rule *rule)
{
	int32_t keeper = now->st_nlink ? 0 : process_pid();

	if (quota_key(now, rule->index) == before->key)
		quota_set(before, rule->index, quota_pages(now), keeper);
}

static void count_fd(const struct quota_use *use, int64_t fd, const struct plan_rule *rule)
{
	struct stat now;

	if (quota_fd(fd, &now))
		count(&use->file, &now, rule);
}

static void end_rename(const struct plan_rule *rule, const struct quota_use *use)
{
	struct quota_file_use none = { use->file.key, 0 };

	if (use->other.key)
		quota_drop(&use->other, rule->index);
	if (use->file.key && use->leaves)
		quota_drop(&use->file, rule->index);
	else if (use->file.key)
		quota_set(&none, rule->index, use->file.pages, 0);
}

void quota_end(const struct call *call, const struct plan_rule *rule,
	       const struct quota_use *use)
{
	enum role role = quota_role(call);
	struct stat now;

	if (role == ROLE_RENAME && !call->err)
		end_rename(rule, use);
	if (!use->file.key || role == ROLE_RENAME || quiet)
		return;
	if (use->leaves && (!call->err || role == ROLE_CLOSE))
		quota_drop(&use->file, rule->index);
	else if (role == ROLE_OPEN && !call->err)
		count_fd(use, call->ret, rule);
	else if (role == ROLE_TRUNCATE && quota_stat(call, path_argument(call, 0), 0, &now))
		count(&use->file, &now, rule);
	else if (role <= ROLE_RESIZE)
		count_fd(use, call->args[quota_out(call)], rule);
}
