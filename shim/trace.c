/* The writer's side of the chunks. Rules in trace.h; layout in wire.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum { ARGV_MOST = 4096, PATH_MOST = 4096, MOST_MEMORY = MAX_ARGS + 1 };

/* A piece of memory to be kept with an event. */
struct piece {
	uint32_t arg;
	uint32_t kept;
	uint64_t size;
	const void *from;
	bool list;           /* `from` is an argv */
};

uint64_t trace_clock(void)
{
	struct timespec now;

	if (plan->flags & PLAN_TSC)
		return __builtin_ia32_rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- chunks ---- */

static struct head *head_at(uint32_t index)
{
	return (struct head *)((char *)arena + arena->heads_at) + index;
}

static bool chunk_take(uint32_t index)
{
	struct head *head = head_at(index);
	uint64_t nobody = 0, us = (uint32_t)thread.tid;

	/* Without a pid the host can't ask whether we live, and leaves the chunk alone. */
	if (!process->foreign)
		us |= (uint64_t)process->pid << 32;

	/* Acquire pairs with the release of the owner before us: its `head` is ours now. */
	if (__atomic_load_n(&head->owner, __ATOMIC_RELAXED)
	    || !__atomic_compare_exchange_n(&head->owner, &nobody, us, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	head->entered = 0;
	thread.ring = (unsigned char *)arena + arena->chunks_at
		+ (size_t)index * arena->chunk_size;
	thread.head = head;
	return true;
}

/* Runs when the thread ends, so that a program with ten thousand threads needs few
 * chunks. Keys below 32 have room in the thread itself: nothing is allocated. */
static pthread_key_t chunk_key;
static bool have_key;

static void chunk_destroy(void *head)
{
	if (thread.head == head)
		trace_release();
}

void trace_init(void)
{
	have_key = !pthread_key_create(&chunk_key, chunk_destroy) && chunk_key < 32;
}

static bool chunk_ready(void)
{
	if (thread.head)
		return true;
	/* Acquire pairs with the host's release: the memory is there before we see it. */
	uint32_t ready = __atomic_load_n(&arena->ready, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < ready; i++)
		if (chunk_take(i)) {
			if (have_key)
				pthread_setspecific(chunk_key, thread.head);
			return true;
		}
	return false;
}

void trace_release(void)
{
	struct head *head = thread.head;

	thread.head = NULL;
	/* Release: the next owner goes on where our records end. */
	if (head)
		__atomic_store_n(&head->owner, 0, __ATOMIC_RELEASE);
}

/* ---- reserving and committing ---- */

static struct record *record_at(uint64_t position)
{
	return (struct record *)(thread.ring + (position & (arena->chunk_size - 1)));
}

/* One instruction, so that a signal handler of this thread can't lose a count. */
static void count_dropped(struct head *head)
{
	__asm__ volatile("incq %0" : "+m"(head->dropped));
}

static void pad_to_end(uint64_t position, uint64_t room)
{
	struct record *pad = record_at(position);

	pad->size = (uint32_t)room;
	pad->kind = RECORD_PAD;
	__atomic_store_n(&pad->commit, position + 1, __ATOMIC_RELEASE);
}

/* Move `head`, unless a handler of this thread moved it since: one instruction, so no
 * lock prefix is needed, for nobody else writes it. */
static bool move_head(struct head *head, uint64_t *at, uint64_t to)
{
	bool moved;

	__asm__ volatile("cmpxchgq %3, %1"
			 : "=@ccz"(moved), "+m"(head->head), "+a"(*at)
			 : "r"(to)
			 : "memory");
	return moved;
}

/* Reserve `size` bytes (a multiple of 16, as is the ring) in one piece. The record is
 * not committed and knows its size, so that the host can step over it if a handler
 * longjmps away and it never will be. NULL when there is no room. */
static struct record *reserve(struct head *head, uint32_t size, uint64_t *position)
{
	uint64_t at = head->head, room;

	do {
		room = arena->chunk_size - (at & (arena->chunk_size - 1));
		if (room >= size)
			room = 0;
		/* Acquire pairs with the host's release: it has read what we overwrite. */
		uint64_t tail = __atomic_load_n(&head->tail, __ATOMIC_ACQUIRE);

		if (at + room + size - tail > arena->chunk_size) {
			count_dropped(head);
			return NULL;
		}
	} while (!move_head(head, &at, at + room + size));
	if (room)
		pad_to_end(at, room);
	*position = at + room;
	struct record *record = record_at(at + room);

	record->commit = 0;
	record->size = size;
	return record;
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
	piece->list = false;
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
 * every row the buffer's size is the argument after it: test_table.py sees to that. */
static int64_t filled(const struct call *call, const struct arg *arg)
{
	int64_t size = call->args[arg - rows[call->id].args + 1];

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
	keep(piece, i, from, (uint64_t)length, plan->strsize);
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
	piece->list = true;
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

static bool keep_module(struct piece *piece, const struct call *call, char *room)
{
	struct dl_find_object found;

	if (!_dl_find_object || _dl_find_object((void *)call->site, &found))
		return false;
	const char *name = found.dlfo_link_map->l_name;
	size_t length = strnlen(name, PATH_MOST - 8);

	memcpy(room, &found.dlfo_link_map->l_addr, 8);
	memcpy(room + 8, name, length);
	keep(piece, MEMORY_MODULE, room, 8 + length, PATH_MOST);
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

static void write_pieces(char *at, const struct piece *pieces, uint32_t n)
{
	for (const struct piece *piece = pieces; piece < pieces + n; piece++) {
		struct memory *memory = (struct memory *)at;

		*memory = (struct memory){ piece->arg, piece->kept, piece->size };
		at += sizeof(*memory);
		if (piece->list)
			copy_list(at, piece);
		else
			memcpy(at, piece->from, piece->kept);
		at += padded(piece->kept);
	}
}

static void write_record(const struct call *call, enum record_kind kind,
			 const struct piece *pieces, uint32_t npieces)
{
	bool is_call = kind == RECORD_CALL || kind == RECORD_EXEC;
	uint32_t nargs = is_call ? rows[call->id].nargs : 0;
	uint32_t size = (uint32_t)sizeof(struct record) + nargs * 8;
	uint64_t position;

	for (uint32_t i = 0; i < npieces; i++)
		size += (uint32_t)sizeof(struct memory) + padded(pieces[i].kept);
	size = (size + 15) & ~15u;
	if (!chunk_ready()) {
		__atomic_fetch_add(&arena->dropped, 1, __ATOMIC_RELAXED);
		return;
	}
	struct record *record = reserve(thread.head, size, &position);

	if (!record)
		return;
	record->kind = (uint16_t)kind;
	record->call = call->id;
	bool child = __builtin_expect(thread.vforked, 0) && in_vfork_child();

	record->pid = child ? (uint32_t)sys0(__NR_getpid) : (uint32_t)process->pid;
	record->tid = child ? record->pid : (uint32_t)thread.tid;
	record->entered = call->entered;
	record->left = call->left;
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
	/* Release pairs with the host's acquire: the record is whole before it counts. */
	__atomic_store_n(&record->commit, position + 1, __ATOMIC_RELEASE);
}

__attribute__((noinline)) static void trace_hit(const struct call *call)
{
	struct piece pieces[MOST_MEMORY];
	char room[PATH_MOST];
	uint64_t nenvp = 0;
	uint32_t n = gather(call, pieces, &nenvp);

	n += keep_module(&pieces[n], call, room);
	write_record(call, RECORD_CALL, pieces, n);
}

void trace_call(const struct call *call)
{
	struct piece pieces[MOST_MEMORY];
	uint64_t nenvp = 0;

	if (call->flags & CALL_HIT)
		trace_hit(call);
	else
		write_record(call, RECORD_CALL, pieces, gather(call, pieces, &nenvp));
}

void trace_exec(const struct call *call)
{
	struct piece pieces[MOST_MEMORY];
	uint64_t nenvp = 0;
	uint32_t n = gather(call, pieces, &nenvp);

	write_record(call, RECORD_EXEC, pieces, n);
}

void trace_mark(struct call *call)
{
	if (thread.vforked || !chunk_ready())
		return;
	struct head *head = thread.head;

	head->in_call = call->id;
	for (int i = 0; i < MAX_ARGS; i++)
		head->in_args[i] = call->args[i];
	/* Release: the host reads the rest only after it saw this thread dead. */
	__atomic_store_n(&head->entered, call->entered, __ATOMIC_RELEASE);
	call->flags |= CALL_MARKED;
}

void trace_unmark(const struct call *call)
{
	if (call->flags & CALL_MARKED && thread.head)
		__atomic_store_n(&thread.head->entered, 0, __ATOMIC_RELAXED);
}

static void trace_note(enum record_kind kind, long ret, const char *first, const char *second)
{
	struct piece pieces[2];
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
	trace_note(RECORD_EXIT, status, NULL, NULL);
}

void trace_bypass(const char *path, const char *why)
{
	trace_note(RECORD_BYPASS, 0, path, why);
}
