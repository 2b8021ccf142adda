/* Rules in partly.h. */
#define _GNU_SOURCE
#include <alloca.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "dispatch.h"
#include "failure.h"
#include "partly.h"
#include "plan.h"
#include "poke.h"
#include "real.h"
#include "sys.h"
#include "thread.h"

enum { MOST_PIECES = 1024 };  /* IOV_MAX, writev(2) */
enum { FEW_PIECES = 64 };     /* a KiB of the stack: a thread may have 16 */

/* A vector as the program passed it; `pieces` NULL: it can't be read. */
struct vector {
	const struct iovec *pieces;
	uint64_t count;
};

static struct vector vector_at(int64_t pieces, uint64_t count)
{
	struct vector vector = { (const void *)pieces, count };

	if (count > MOST_PIECES || !readable(vector.pieces, count * sizeof(struct iovec)))
		return (struct vector){ NULL, 0 };
	return vector;
}

static struct vector vector_of(const struct call *call)
{
	const struct row *row = &rows[call->id];
	const struct msghdr *message = (const void *)call->args[row->moved];

	if (row->moves == MOVES_VECTOR)
		return vector_at(call->args[row->moved], (uint32_t)call->args[row->moved + 1]);
	if (!readable(message, sizeof(*message)))
		return (struct vector){ NULL, 0 };
	return vector_at((int64_t)message->msg_iov, message->msg_iovlen);
}

/* 0, too, where there is more than the kernel takes: EINVAL, readv(2). */
static uint64_t size_of(struct vector vector)
{
	uint64_t size = 0;

	for (uint64_t i = 0; i < vector.count; i++) {
		if (vector.pieces[i].iov_len > INT64_MAX - size)
			return 0;
		size += vector.pieces[i].iov_len;
	}
	return size;
}

uint64_t call_moves(const struct call *call)
{
	const struct row *row = &rows[call->id];

	switch ((enum moves)row->moves) {
	case MOVES_BYTES: return (uint64_t)call->args[row->moved];
	case MOVES_VECTOR:
	case MOVES_MESSAGE: return size_of(vector_of(call));
	case MOVES_NONE: break;
	}
	return 0;
}

uint64_t call_fewer(const struct call *call, int64_t value)
{
	uint64_t all = call_moves(call);
	uint64_t few = value > 0 ? (uint64_t)value : all / 100 * (uint64_t)-value
		+ all % 100 * (uint64_t)-value / 100;

	few += !few;
	return few < all ? few : all;
}

static uint64_t needed(struct vector vector, uint64_t size)
{
	uint64_t n = 0;

	for (; size && n < vector.count; n++)
		size -= vector.pieces[n].iov_len < size ? vector.pieces[n].iov_len : size;
	return n;
}

/* Copies as many pieces as `size` bytes need; returns how many, at most `vector.count`. */
static uint64_t cut(struct vector vector, uint64_t size, struct iovec *to)
{
	uint64_t n = 0;

	for (; size && n < vector.count; n++) {
		to[n] = vector.pieces[n];
		if (to[n].iov_len > size)
			to[n].iov_len = size;
		size -= to[n].iov_len;
	}
	return n;
}

/* What recvmsg(2) fills in; where it can't, it has received all the same. What is sent may
 * lie in read-only memory. */
static void give_back(struct call *call, struct msghdr *theirs, struct msghdr *ours)
{
	ours->msg_iov = theirs->msg_iov;
	ours->msg_iovlen = theirs->msg_iovlen;
	long written = memory_write(theirs, ours, sizeof(*ours));

	if (written == -EFAULT)
		failure_make(call, EFAULT);
	else if (written < 0)
		*theirs = *ours;
}

static void make_message(struct call *call, call_real *real, struct iovec *pieces, uint64_t n)
{
	int64_t *argument = &call->args[rows[call->id].moved];
	struct msghdr *theirs = (void *)*argument, ours = *theirs;

	ours.msg_iov = pieces;
	ours.msg_iovlen = n;
	*argument = (int64_t)&ours;
	call_make(call, real);
	*argument = (int64_t)theirs;
	if (call->id == CALL_recvmsg && !call->err)
		give_back(call, theirs, &ours);
}

static void make_vector(struct call *call, call_real *real, struct iovec *pieces, uint64_t n)
{
	int64_t *argument = &call->args[rows[call->id].moved];
	int64_t theirs[2] = { argument[0], argument[1] };

	argument[0] = (int64_t)pieces;
	argument[1] = (int64_t)n;
	call_make(call, real);
	argument[0] = theirs[0];
	argument[1] = theirs[1];
}

static void make_bytes(struct call *call, call_real *real, uint64_t size)
{
	int64_t *argument = &call->args[rows[call->id].moved], theirs = *argument;

	*argument = (int64_t)size;
	call_make(call, real);
	*argument = theirs;
}

/* `pieces` has room for all of them. */
static void make_with(struct call *call, call_real *real, struct vector vector, uint64_t size,
		      struct iovec *pieces)
{
	uint64_t n = cut(vector, size, pieces);

	if (rows[call->id].moves == MOVES_VECTOR)
		make_vector(call, real, pieces, n);
	else
		make_message(call, real, pieces, n);
}

/* Not on the stack. A handler that jumps away leaves the pages behind; without memory for
 * them the call is made as it is. */
static void make_many(struct call *call, call_real *real, struct vector vector, uint64_t size)
{
	size_t room = vector.count * sizeof(struct iovec);
	long at = sys6(__NR_mmap, 0, (long)room, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at < 0 && at > -4096) {
		call_make(call, real);
		return;
	}
	make_with(call, real, vector, size, (struct iovec *)at);
	sys2(__NR_munmap, at, room);
}

void partly_make(struct call *call, call_real *real, int64_t value)
{
	const struct row *row = &rows[call->id];
	uint64_t size = call_fewer(call, value);

	if (row->moves == MOVES_BYTES) {
		make_bytes(call, real, size);
		return;
	}
	struct vector vector = vector_of(call);

	/* Another thread, or a hook, has put another one there meanwhile. */
	if (!size_of(vector)) {
		call_make(call, real);
		return;
	}
	vector.count = needed(vector, size);
	/* In seccomp only the first thread's memory is readable: it has a large stack. */
	if (vector.count > FEW_PIECES && !quiet)
		make_many(call, real, vector, size);
	else
		make_with(call, real, vector, size,
			  alloca((vector.count + 1) * sizeof(struct iovec)));
}
