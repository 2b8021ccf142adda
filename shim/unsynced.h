/*
 * What was written and not synced, for a sync that fails and loses it (`lose` of a rule).
 * Before a write what it overwrites is kept in the arena, with the size of the file, for
 * all processes of the run; a sync that succeeds lets go of it, one that is to fail has it
 * written back.
 */
#ifndef PYSHIM_UNSYNCED_H
#define PYSHIM_UNSYNCED_H

#include "call.h"
#include "wire.h"

struct unsynced_use {
	uint64_t key;        /* of a file of which nothing is to be undone any more, 0: none */
	uint32_t upto;       /* the entry from which on it is */
	bool all;            /* of every file */
	struct undo *kept;   /* what this call is about to overwrite, NULL: nothing */
	uint64_t kept_key;
};

/* Whether anything is to be lost of the file behind its descriptor. */
bool unsynced_any(const struct call *call);

/* Around a call that writes or syncs. */
void unsynced_begin(const struct call *call, struct unsynced_use *use);
void unsynced_end(const struct call *call, const struct unsynced_use *use);

/* In place of a sync: the file becomes what it was at the last one. */
void unsynced_lose(const struct call *call);

#endif
