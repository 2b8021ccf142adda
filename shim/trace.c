/* From calls to records. Rules in trace.h; layout in wire.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include "chunk.h"
#include "plan.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum { ARGV_MOST = 4096, PATH_MOST = 4096, MOST_MEMORY = MAX_ARGS + 1 };

enum form { BYTES, ARGV, MODULE };

/* A piece of memory to be kept with an event. */
struct piece {
	uint32_t arg;
	uint32_t kept;
	uint64_t size;
	const void *from;
	enum form form;      /* what `from` is: bytes, an argv, a struct link_map */
};

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
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t padded(uint32_t bytes)
{
	return (bytes + 7) & ~7u;
}

/* ---- what to keep of the memory a call points to ---- */

static void keep(struct piece *piece, uint32_t arg, const void *from, uint64_t size,
		 uint64_t most)
{
	piece->arg = arg;
	piece->from = from;
	piece->size = size;
	piece->kept = (uint32_t)(size < most ? size : most);
	piece->form = BYTES;
}

/* When the kernel itself has read or written it without EFAULT, so can we. */
static bool kernel_saw(const struct call *call)
{
	return !(call->flags & CALL_INJECTED) && !call->err
		&& !(rows[call->id].flags & ROW_EXEC);
}

static bool keep_string(struct piece *piece, uint32_t arg, const struct call *call,
			uint64_t most)
{
	const char *text = (const char *)call->args[arg];
	long length = kernel_saw(call) ? (long)strnlen(text, PATH_MOST)
				       : readable_string(text, PATH_MOST);

	if (length < 0)
		return false;
	keep(piece, arg, text, (uint64_t)length, most);
	return true;
}

/* A result may exceed the buffer (recv(2) with MSG_TRUNC, getxattr(2) of size 0). In
 * every row the buffer's size is the argument after it: test_table.py sees to that.
 * Where the result is the buffer (getcwd) there is text in it. */
static int64_t filled(const struct call *call, const struct arg *arg)
{
	int64_t size = call->args[arg - rows[call->id].args + 1];

	if (rows[call->id].fails == FAILS_NULL)
		return (int64_t)strnlen((const char *)call->ret, (size_t)size) + 1;
	return call->ret < size ? call->ret : size;
}

static int64_t length_of(const struct call *call, const struct arg *arg)
{
	switch (arg->from) {
	case FROM_RET: return call->err ? 0 : filled(call, arg);
	case FROM_CONST: return arg->size;
	default: return call->args[arg->from];
	}
}

static bool keep_buffer(struct piece *piece, uint32_t i, const struct call *call,
			const struct arg *arg)
{
	int64_t length = length_of(call, arg);
	const void *from = (const void *)call->args[i];
	bool out = arg->kind == ARG_OUT || arg->kind == ARG_FDS;

	if (arg->kind == ARG_FDS)
		length = 8;
	if (!from || length < 0 || (out && (call->err || call->flags & CALL_INJECTED)))
		return false;
	keep(piece, i, from, (uint64_t)length,
	     rows[call->id].fails == FAILS_NULL ? PATH_MOST : plan->strsize);
	/* Of input the kernel may have read less than its length: a short write. */
	if (kernel_saw(call) && (out || (int64_t)piece->kept <= call->ret))
		return true;
	return readable(from, piece->kept);
}

/* The strings of argv one after the other, each with its NUL, as far as they fit. */
static bool keep_argv(struct piece *piece, uint32_t i, const struct call *call)
{
	const char *const *argv = (const char *const *)call->args[i];
	uint64_t all = 0, kept = 0;

	for (; argv; argv++) {
		if (!readable(argv, sizeof(*argv)))
			return false;
		if (!*argv)
			break;
		long length = readable_string(*argv, ARGV_MOST);

		if (length < 0)
			return false;
		all += (uint64_t)length + 1;
		if (all <= ARGV_MOST)
			kept = all;
	}
	keep(piece, i, (const void *)call->args[i], all, kept);
	piece->form = ARGV;
	return true;
}

static uint64_t envp_count(const char *const *envp)
{
	uint64_t count = 0;

	while (envp && readable(envp + count, sizeof(*envp)) && envp[count])
		count++;
	return count;
}

static uint32_t gather(const struct call *call, struct piece *pieces, uint64_t *nenvp)
{
	const struct row *row = &rows[call->id];
	uint32_t n = 0;

	if (call->err == EFAULT && !(call->flags & CALL_INJECTED))
		return 0;
	for (uint32_t i = 0; i < row->nargs; i++) {
		const struct arg *arg = &row->args[i];
		bool kept = false;

		if (!call->args[i])
			continue;
		switch (arg->kind) {
		case ARG_PATH: kept = keep_string(&pieces[n], i, call, PATH_MOST); break;
		case ARG_STR: kept = keep_string(&pieces[n], i, call, plan->strsize); break;
		case ARG_IN:
		case ARG_OUT:
		case ARG_FDS: kept = keep_buffer(&pieces[n], i, call, arg); break;
		case ARG_ARGV: kept = keep_argv(&pieces[n], i, call); break;
		case ARG_ENVP:
			*nenvp = envp_count((const char *const *)call->args[i]);
			keep(&pieces[n], i, nenvp, 8, 8);
			kept = true;
			break;
		default: break;
		}
		n += kept;
	}
	return n;
}

/* Which object the call site lies in. _dl_find_object takes no lock and is safe in a
 * signal handler (glibc 2.35); without it the host names the site by address only. */
extern int _dl_find_object(void *, struct dl_find_object *) __attribute__((weak));

static bool keep_module(struct piece *piece, const struct call *call)
{
	struct dl_find_object found;

	if (!_dl_find_object || _dl_find_object((void *)call->site, &found))
		return false;
	size_t length = strnlen(found.dlfo_link_map->l_name, PATH_MOST - 8);

	keep(piece, MEMORY_MODULE, found.dlfo_link_map, 8 + length, PATH_MOST);
	piece->form = MODULE;
	return true;
}

/* ---- writing ---- */

static void copy_list(char *to, const struct piece *piece)
{
	const char *const *argv = piece->from;
	const char *end = to + piece->kept;

	for (; to < end; argv++) {
		size_t length = strnlen(*argv, (size_t)(end - to) - 1);

		memcpy(to, *argv, length);
		to[length] = 0;
		to += length + 1;
	}
}

static void copy_module(char *to, const struct piece *piece)
{
	const struct link_map *map = piece->from;

	memcpy(to, &map->l_addr, 8);
	memcpy(to + 8, map->l_name, piece->kept - 8);
}

static void write_pieces(char *at, const struct piece *pieces, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct piece *piece = &pieces[i];
		struct memory *memory = (struct memory *)at;

		*memory = (struct memory){ piece->arg, piece->kept, piece->size };
		at += sizeof(*memory);
		switch (piece->form) {
		case BYTES: memcpy(at, piece->from, piece->kept); break;
		case ARGV: copy_list(at, piece); break;
		case MODULE: copy_module(at, piece); break;
		}
		at += padded(piece->kept);
	}
}

static void write_record(const struct call *call, enum record_kind kind,
			 const struct piece *pieces, uint32_t npieces)
{
	bool is_call = kind == RECORD_CALL || kind == RECORD_EXEC
		|| kind == RECORD_UNFINISHED;
	uint32_t nargs = is_call ? rows[call->id].nargs : 0;
	uint32_t size = (uint32_t)sizeof(struct record) + nargs * 8;
	uint64_t position;

	for (uint32_t i = 0; i < npieces; i++)
		size += (uint32_t)sizeof(struct memory) + padded(pieces[i].kept);
	size = (size + 15) & ~15u;
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
	record->nargs = nargs;
	record->nmemory = npieces;
	int64_t *args = (int64_t *)(record + 1);

	for (uint32_t i = 0; i < nargs; i++)
		args[i] = call->args[i];
	write_pieces((char *)(args + nargs), pieces, npieces);
	chunk_commit(record, position);
}

void trace_call(const struct call *call)
{
	struct piece pieces[MOST_MEMORY];
	uint64_t nenvp = 0;
	uint32_t n = gather(call, pieces, &nenvp);

	if (call->flags & CALL_HIT)
		n += keep_module(&pieces[n], call);
	write_record(call, RECORD_CALL, pieces, n);
}

void trace_exec(const struct call *call)
{
	struct piece pieces[MOST_MEMORY];
	uint64_t nenvp = 0;
	uint32_t n = gather(call, pieces, &nenvp);

	write_record(call, RECORD_EXEC, pieces, n);
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
	long length = forked ? 0 : sys3(__NR_readlink, "/proc/self/exe", exe, sizeof(exe) - 1);

	exe[length > 0 ? length : 0] = 0;
	trace_note(RECORD_START, sys0(__NR_getppid), exe, NULL);
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
