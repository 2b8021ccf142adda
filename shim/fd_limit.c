/*
 * Rules in fd_limit.h. The kernel gives out the lowest free number: it is below the limit
 * as long as any number there is free, and that can be asked without taking one. No copy of
 * what the program has open is made to find out: closing it would drop its record locks,
 * fcntl(2). What its arguments alone decide is made at the limit, and closed at once.
 *
 * Between the question and the call another thread may take the last one. Then a descriptor
 * at the limit is given out: of threads that open at the same moment, one each at most.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include "fd_limit.h"
#include "sys.h"
#include "thread.h"

static bool is_open(int64_t fd)
{
	return sys2(__NR_fcntl, (int)fd, F_GETFD) >= 0;
}

/* Free numbers from `from` on and below the limit, as far as `most` of them. From above:
 * those are used last. */
static int64_t count_free(int64_t from, int64_t limit, int64_t most)
{
	int64_t found = 0;

	for (int64_t fd = limit; fd-- > from && found < most;)
		found += !is_open(fd);
	return found;
}

/* ---- what the kernel looks at before it looks for a number ---- */

static bool is_good_path(int64_t path)
{
	long length = readable_string((const char *)path, 4096);

	return length > 0 && length < 4096;
}

/* What it makes is nothing but a descriptor, and goes again. `flags` with close-on-exec. */
static bool can_be_made(const struct call *call, uint32_t index, int64_t flags)
{
	int64_t a[3] = { call->args[0], call->args[1], call->args[2] };

	a[index] |= flags;
	long fd = sys3(call_number(call), a[0], a[1], a[2]);

	if (fd >= 0)
		sys1(__NR_close, fd);
	return fd >= 0 || fd == -EMFILE;
}

/* No path is asked for what it means while flags are refused. */
static bool can_be_opened(const struct call *call)
{
	uint32_t path = path_argument(call, 0);
	long err;

	if (path + 1 >= rows[call->id].nargs)
		return true;
	if (call_number(call) == __NR_openat2)
		err = sys4(__NR_openat2, AT_FDCWD, "", call->args[path + 1], call->args[path + 2]);
	else
		err = sys4(__NR_openat, AT_FDCWD, "", call->args[path + 1], 0);
	return err == -ENOENT;
}

/* The argument has no flags but these; both bits are the same wherever they are taken. */
static bool has_only(const struct call *call, uint32_t index, int64_t flags)
{
	return !((int)call->args[index] & ~(flags | O_CLOEXEC | O_NONBLOCK));
}

static bool can_be_signalfd(const struct call *call)
{
	return has_only(call, rows[call->id].nargs - 1u, 0)
		&& readable((const void *)call->args[1], 8);
}

static bool is_refused(const struct call *call)
{
	switch (call_number(call)) {
	case __NR_open:
	case __NR_openat:
	case __NR_openat2: return !can_be_opened(call);
	case __NR_socket: return !can_be_made(call, 1, SOCK_CLOEXEC);
	case __NR_epoll_create: return (int)call->args[0] <= 0;
	case __NR_epoll_create1:
	case __NR_inotify_init1: return !has_only(call, 0, 0);
	case __NR_eventfd2: return !has_only(call, 1, EFD_SEMAPHORE);
	case __NR_timerfd_create: return !can_be_made(call, 1, TFD_CLOEXEC);
	case __NR_memfd_create: return !can_be_made(call, 1, MFD_CLOEXEC);
	/* Its descriptors are closed by exec in any case. */
	case __NR_pidfd_open: return !can_be_made(call, 1, 0);
	case __NR_signalfd4: return !can_be_signalfd(call);
	case __NR_pipe2: return rows[call->id].nargs > 1 && !has_only(call, 1, O_DIRECT);
	case __NR_socketpair: return !has_only(call, 1, 0xf);
	case __NR_accept4: return !has_only(call, 3, 0);
	default: return false;
	}
}

/* The call is then left to fail by itself. */
static bool fails_anyway(const struct call *call)
{
	const struct row *row = &rows[call->id];

	for (uint32_t i = 0; i < row->nargs; i++)
		if (row->args[i].kind == ARG_PATH && !is_good_path(call->args[i]))
			return true;
	if (is_refused(call))
		return true;
	switch (call_number(call)) {
	case __NR_accept:
	case __NR_accept4:
	case __NR_dup:
	case __NR_fcntl: return !is_open(call->args[0]);
	default: return false;
	}
}

/* ---- calls that name the number themselves ---- */

/* The kernel compares them unsigned: what is negative is beyond any limit. */
static bool is_beyond(int64_t fd, int64_t limit)
{
	return (uint32_t)fd >= (uint64_t)limit;
}

/* dup2(2) onto itself only tells whether it is open. */
static bool dup_reached(const struct call *call, int64_t limit)
{
	if ((int)call->args[0] == (int)call->args[1])
		return false;
	if (call_number(call) == __NR_dup3 && call->args[2] & ~O_CLOEXEC)
		return false;
	return is_beyond(call->args[1], limit);
}

static bool fcntl_reached(const struct call *call, int64_t limit)
{
	if ((int)call->args[1] != F_DUPFD && (int)call->args[1] != F_DUPFD_CLOEXEC)
		return false;
	if (!is_beyond(call->args[2], limit) && count_free((uint32_t)call->args[2], limit, 1))
		return false;
	return !fails_anyway(call);
}

/* ---- recvmsg ---- */

static bool receives(const struct call *call)
{
	return call_number(call) == __NR_recvmsg || call_number(call) == __NR_recvmmsg;
}

/* How many descriptors the message has room for, unix(7). */
static int64_t room_in(const struct msghdr *message)
{
	if (!readable(message, sizeof(*message)) || !message->msg_control
	    || message->msg_controllen < CMSG_LEN(sizeof(int)))
		return 0;
	return (int64_t)((message->msg_controllen - CMSG_LEN(0)) / sizeof(int));
}

static int64_t room_for(const struct call *call)
{
	const struct mmsghdr *messages = (const void *)call->args[1];
	int64_t room = 0;

	if (call_number(call) == __NR_recvmsg)
		return room_in((const void *)call->args[1]);
	for (uint32_t i = 0; i < (uint32_t)call->args[2] && i < 1024; i++)
		room += room_in(&messages[i].msg_hdr);
	return room;
}

/* As scm_detach_fds() of the kernel: those that fit stay, the message is marked, and of a
 * header for none there is nothing. */
static void keep_first(struct msghdr *message, struct cmsghdr *header, size_t kept)
{
	char *end = (char *)message->msg_control + message->msg_controllen;
	char *next = (char *)header + CMSG_ALIGN(header->cmsg_len);
	char *to = (char *)header + (kept ? CMSG_SPACE(kept * sizeof(int)) : 0);
	size_t rest = next < end ? (size_t)(end - next) : 0;

	header->cmsg_len = CMSG_LEN(kept * sizeof(int));
	for (size_t i = 0; i < rest; i++)
		to[i] = next[i];
	message->msg_controllen = (size_t)(to + rest - (char *)message->msg_control);
	message->msg_flags |= MSG_CTRUNC;
}

static void limit_header(struct call *call, struct msghdr *message, struct cmsghdr *header,
			 int64_t limit)
{
	const int *fds = (const int *)(const void *)CMSG_DATA(header);
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int), kept = 0;

	while (kept < n && fds[kept] < limit)
		kept++;
	if (kept == n)
		return;
	for (size_t i = kept; i < n; i++)
		sys1(__NR_close, fds[i]);
	keep_first(message, header, kept);
	call->flags |= CALL_INJECTED;
}

static void limit_message(struct call *call, struct msghdr *message, int64_t limit)
{
	struct cmsghdr *header = message->msg_control ? CMSG_FIRSTHDR(message) : NULL;

	/* There is but one with descriptors, and it comes behind what else we know of. */
	for (; header; header = CMSG_NXTHDR(message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
			limit_header(call, message, header, limit);
			return;
		}
}

void fd_limit_received(struct call *call, int64_t limit)
{
	struct mmsghdr *messages = (void *)call->args[1];

	if (call->ret < 0 || !receives(call))
		return;
	if (call_number(call) == __NR_recvmsg)
		limit_message(call, (void *)call->args[1], limit);
	else
		for (int64_t i = 0; i < call->ret; i++)
			limit_message(call, &messages[i].msg_hdr, limit);
}

/* ---- all of them ---- */

/* Of some calls only certain forms give out a descriptor. */
static int64_t needs(const struct call *call)
{
	switch (call_number(call)) {
	case __NR_pipe:
	case __NR_pipe2:
	case __NR_socketpair: return 2;
	case __NR_signalfd:
	case __NR_signalfd4: return (int)call->args[0] == -1;
	case __NR_landlock_create_ruleset: return !call->args[2];
	case __NR_recvmsg:
	case __NR_recvmmsg: return room_for(call);
	default: return 1;
	}
}

bool fd_limit_reached(const struct call *call, int64_t limit)
{
	if (quiet)
		return false;
	switch (call_number(call)) {
	case __NR_dup2:
	case __NR_dup3: return dup_reached(call, limit);
	case __NR_fcntl: return fcntl_reached(call, limit);
	default: break;
	}
	int64_t few = needs(call);

	return few && count_free(0, limit, few) < few && !fails_anyway(call);
}

int fd_limit_error(const struct call *call, int64_t limit)
{
	switch (call_number(call)) {
	case __NR_recvmsg:
	case __NR_recvmmsg: return 0;
	case __NR_dup2:
	case __NR_dup3: return EBADF;
	case __NR_fcntl: return is_beyond(call->args[2], limit) ? EINVAL : EMFILE;
	default: return EMFILE;
	}
}
