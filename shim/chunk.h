/*
 * Chunks: rings in shared memory that threads write and the host reads.
 *
 * A thread owns one while it has any; only then does nobody else write it. A thread that
 * finds none free uses chunk 0, which all share. The writer never waits: what does not
 * fit is counted in the ring's `dropped`. A record is reserved by moving `head`, filled,
 * and told complete by its `commit` word, so a signal handler may write its own records
 * in the middle of ours, and the host never sees half of one.
 */
#ifndef PYSHIM_CHUNK_H
#define PYSHIM_CHUNK_H

#include <stdint.h>
#include "wire.h"

/* Room for a record of `size` bytes (a multiple of 16) in one piece, uncommitted and
 * with its size set, so that the host can step over it should a handler longjmp away
 * from us. NULL: there is none, and that was counted. No lock; syscalls only where a
 * thread takes a chunk that its process never had. */
struct record *chunk_reserve(uint32_t size, uint64_t *position);
void chunk_commit(struct record *record, uint64_t position);

/* This thread's own chunk, or NULL. */
struct head *chunk_own(void);

/* The same, for one that can't do without: the host makes more where they run short, so they
 * are waited for, a millisecond at a time. NULL: there won't be any, or none has come. */
struct head *chunk_await(uint32_t milliseconds);

/* Give it back: at thread exit, process exit, exec. */
void chunk_release(void);

/* Constructor only. */
void chunk_init(void);

#endif
