/* From calls to records. Rules in trace.h; layout in wire.h. */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include "chunk.h"
#include "pieces.h"
#include "plan.h"
#include "real.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

static uint64_t stopped;  /* the last reading, 0: the clock runs */

void trace_stop_clock(bool stop)
{
	stopped = stop ? trace_clock() : 0;
}

uint64_t trace_clock(void)
{
	struct timespec now;

	/* Relaxed: readings need not agree on anything but their own order. */
	if (__builtin_expect(stopped != 0, 0))
		return __atomic_add_fetch(&stopped, 1, __ATOMIC_RELAXED);
	if (plan->flags & PLAN_TSC)
		return __builtin_ia32_rdtsc();
	/* The vDSO may come to a syscall of its own, which would be caught, and timed. */
	if (plan->flags & PLAN_FULL) {
		sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
		return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	}
	REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void write_record(const struct call *call, enum record_kind kind,
			 const struct piece *pieces, uint32_t npieces)
{
	bool is_call = kind == RECORD_CALL || kind == RECORD_EXEC
		|| kind == RECORD_UNFINISHED || kind == RECORD_DEADLY;
	uint32_t nargs = is_call ? rows[call->id].nargs : 0;
	uint32_t size = (uint32_t)sizeof(struct record) + nargs * 8;
	uint64_t position;

	size = (size + pieces_size(pieces, npieces) + 15) & ~15u;
	struct record *record = chunk_reserve(size, &position);

	if (!record)
		return;
	record->kind = (uint16_t)kind;
	record->call = call->id;
	bool child = __builtin_expect(thread.vforked, 0) && in_vfork_child();

	record->pid = child ? (uint32_t)sys0(__NR_getpid) : (uint32_t)process->pid;
	record->tid = child ? record->pid : (uint32_t)thread.tid;
	record->entered = call->entered;
	/* Read after the record was reserved: see `clean` in wire.h. */
	record->left = call->left ? call->left : trace_clock();
	record->ret = call->ret;
	record->err = call->err;
	record->rule = (int16_t)call->rule;
	record->flags = call->flags;
	record->site = call->site;
	record->nargs = (uint8_t)nargs;
	record->nmemory = (uint8_t)npieces;
	record->via = call->via;
	record->count = call->rule < 0 ? 0 : call->count;
	int64_t *args = (int64_t *)(record + 1);

	for (uint32_t i = 0; i < nargs; i++)
		args[i] = call->args[i];
	write_pieces((char *)(args + nargs), pieces, npieces);
	chunk_commit(record, position);
}

static void write_call(const struct call *call, enum record_kind kind)
{
	struct piece pieces[MOST_MEMORY];
	uint64_t nenvp = 0;
	uint32_t n = gather(call, pieces, &nenvp);

	if (call->flags & CALL_HIT)
		n += keep_module(&pieces[n], call);
	write_record(call, kind, pieces, n);
}

void trace_call(const struct call *call)
{
	write_call(call, RECORD_CALL);
}

void trace_cut(const struct call *call)
{
	write_call(call, RECORD_UNFINISHED);
}

void trace_deadly(const struct call *call)
{
	write_call(call, RECORD_DEADLY);
}

void trace_exec(const struct call *call)
{
	write_call(call, RECORD_EXEC);
}

/* ---- the call a thread is in ---- */

static void write_unfinished(const struct mark *mark)
{
	struct call call;

	call_begin(&call, (uint16_t)mark->call, NULL);
	call.entered = mark->entered;
	memcpy(call.args, mark->args, sizeof(call.args));
	write_record(&call, RECORD_UNFINISHED, NULL, 0);
}

void trace_abandoned(void)
{
	if (thread.head && thread.head->mark.entered && !thread.vforked)
		write_unfinished(&thread.head->mark);
}

/* There is a mark, and yet a call begins: in a handler that interrupted the marked one,
 * or after a jump out of it. Stacks grow down, so a frame that is not above ours is no
 * more; on a signal stack there is no telling. */
static bool jumped_away(const struct mark *mark, const struct call *call)
{
	stack_t stack = { .ss_flags = SS_ONSTACK };

	if (mark->frame > (uint64_t)call)
		return false;
	if (!quiet)
		sys2(__NR_sigaltstack, 0, &stack);
	return !(stack.ss_flags & SS_ONSTACK);
}

__attribute__((noinline)) static void mark_found(struct mark *mark, struct mark *outer,
						 const struct call *call)
{
	if (jumped_away(mark, call))
		write_unfinished(mark);
	else
		*outer = *mark;
}

/* Whoever finds `entered` finds the rest of the mark: the host, of a dead thread, and
 * our own handlers. */
static void mark_set(struct mark *mark, uint64_t entered, uint32_t id, uint64_t frame,
		     const int64_t *args)
{
	__atomic_store_n(&mark->entered, 0, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	mark->call = id;
	mark->syscall = made_by[id];
	mark->frame = frame;
	memcpy(mark->args, args, sizeof(mark->args));
	__atomic_store_n(&mark->entered, entered, __ATOMIC_RELEASE);
}

void trace_mark(struct call *call, struct mark *outer)
{
	struct head *head = thread.vforked ? NULL : chunk_own();

	outer->entered = 0;
	if (!head)
		return;
	if (__builtin_expect(head->mark.entered != 0, 0))
		mark_found(&head->mark, outer, call);
	mark_set(&head->mark, call->entered, call->id, (uint64_t)call, call->args);
	call->flags |= CALL_MARKED;
}

void trace_unmark(const struct call *call, const struct mark *outer)
{
	if (!(call->flags & CALL_MARKED) || !thread.head)
		return;
	struct mark *mark = &thread.head->mark;

	if (__builtin_expect(outer->entered != 0, 0))
		mark_set(mark, outer->entered, outer->call, outer->frame, outer->args);
	else
		__atomic_store_n(&mark->entered, 0, __ATOMIC_RELAXED);
}

static void trace_note(enum record_kind kind, long ret, const char *first, const char *second)
{
	struct piece pieces[2] = { { .arg = 0 } };
	uint32_t n = 0;
	struct call call = { .rule = -1, .ret = ret };

	if (!(plan->flags & PLAN_TRACE) || !thread_ready())
		return;
	call.entered = call.left = trace_clock();
	if (first)
		keep(&pieces[n++], 0, first, strlen(first), PATH_MOST);
	if (second)
		keep(&pieces[n++], 1, second, strlen(second), PATH_MOST);
	write_record(&call, kind, pieces, n);
}

void trace_start(bool forked)
{
	char exe[PATH_MOST];
	long length = sys3(__NR_readlink, "/proc/self/exe", exe, sizeof(exe) - 1);

	exe[length > 0 ? length : 0] = 0;
	trace_note(RECORD_START, sys0(__NR_getppid), forked ? NULL : exe, forked ? exe : NULL);
}

void trace_exit(int status)
{
	trace_abandoned();
	trace_note(RECORD_EXIT, status, NULL, NULL);
}

void trace_bypass(const char *path, const char *why)
{
	trace_note(RECORD_BYPASS, 0, path, why);
}
