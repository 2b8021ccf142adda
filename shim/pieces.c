/* Rules in pieces.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <string.h>
#include "conditions.h"
#include "pieces.h"
#include "plan.h"
#include "thread.h"

enum { ARGV_MOST = 4096 };

static uint32_t padded(uint32_t bytes)
{
	return (bytes + 7) & ~7u;
}

uint32_t pieces_size(const struct piece *pieces, uint32_t n)
{
	uint32_t size = 0;

	for (uint32_t i = 0; i < n; i++)
		size += (uint32_t)sizeof(struct memory) + padded(pieces[i].kept);
	return size;
}

void keep(struct piece *piece, uint32_t arg, const void *from, uint64_t size, uint64_t most)
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
		&& !(rows[call->id].flags & (ROW_EXEC | ROW_JUMP | ROW_COMPOSITE));
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

uint32_t gather(const struct call *call, struct piece *pieces, uint64_t *nenvp)
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
		case ARG_PATH:
		case ARG_TEMPLATE: kept = keep_string(&pieces[n], i, call, PATH_MOST); break;
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

/* ld.so knows the program by an empty name, and the host by its pid, but for a vfork's child,
 * of which it has not heard. */
static const char *module_name(const struct link_map *map)
{
	return map->l_name[0] || !in_vfork_child() ? map->l_name : program_path();
}

bool keep_module(struct piece *piece, const struct call *call)
{
	struct dl_find_object found;

	if (!_dl_find_object || _dl_find_object((void *)call->site, &found))
		return false;
	size_t length = strnlen(module_name(found.dlfo_link_map), PATH_MOST - 8);

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
	memcpy(to + 8, module_name(map), piece->kept - 8);
}

void write_pieces(char *at, const struct piece *pieces, uint32_t n)
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
