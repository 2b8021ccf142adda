/*
 * What an event keeps of the memory that a call's arguments point to: first noted as
 * pieces, so that the record's size is known, then copied into the record.
 *
 * The program's pointers may be bad. What the kernel itself has just read or written is
 * read as it is; everything else is probed first (thread.h, readable).
 */
#ifndef PYSHIM_PIECES_H
#define PYSHIM_PIECES_H

#include <stdbool.h>
#include <stdint.h>
#include "call.h"
#include "wire.h"

enum { PATH_MOST = 4096, MOST_MEMORY = MAX_ARGS + 1 };

enum form { BYTES, ARGV, MODULE };

struct piece {
	uint32_t arg;
	uint32_t kept;
	uint64_t size;
	const void *from;
	enum form form;      /* what `from` is: bytes, an argv, a struct link_map */
};

/* `size` bytes at `from`, at most `most` of them. */
void keep(struct piece *piece, uint32_t arg, const void *from, uint64_t size, uint64_t most);

/* All arguments of the call; returns how many pieces. `nenvp` must live as long. */
uint32_t gather(const struct call *call, struct piece *pieces, uint64_t *nenvp);

/* The object that the call's site lies in; false where that can't be known. */
bool keep_module(struct piece *piece, const struct call *call);

/* Bytes that write_pieces() will write. */
uint32_t pieces_size(const struct piece *pieces, uint32_t n);
void write_pieces(char *at, const struct piece *pieces, uint32_t n);

#endif
