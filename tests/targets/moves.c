/* Makes one call that moves bytes, WAY, on pieces of SIZES bytes (`3,0,5`), and prints what
 * it returned. What moved is looked at: so many bytes of the pieces, or at the other end,
 * and none more; the vector and the message lie in memory that can only be read.
 *
 * WAY is a name, by itself libc's function; `inline:writev` by an instruction of its own,
 * `number:writev` by syscall(2). `bad:` has a vector that can't be read,
 * `fixed:` a message that can't be written, `huge:` a size of -1. */
#include "target.h"
#include "inline.h"
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { MOST = 1 << 16, UNTOUCHED = 0xee };
enum direction { IN, OUT, BETWEEN, RANDOM };
enum { INLINE_WAY = 1, NUMBER_WAY, BAD_WAY, FIXED_WAY, HUGE_WAY };

/* What it is made on: a file at an offset, a pipe or a socket. */
struct ends {
	int ours, other;
	bool filed;
};

static struct iovec *pieces;  /* on pages of their own */
static struct msghdr *message;
static size_t npieces, total;
static unsigned char memory[MOST], before[MOST], other[MOST];
static char control[CMSG_SPACE(sizeof(int))], name[16];

struct way {
	const char *name;
	enum direction direction;
	long number;
	bool socket, vector, message, at_offset;
};

static const struct way ways[] = {
	{ .name = "read", .direction = IN, .number = SYS_read },
	{ .name = "pread", .direction = IN, .number = SYS_pread64, .at_offset = true },
	{ .name = "readv", .direction = IN, .number = SYS_readv, .vector = true },
	{ .name = "preadv", .direction = IN, .number = SYS_preadv, .vector = true,
	  .at_offset = true },
	{ .name = "preadv2", .direction = IN, .number = SYS_preadv2, .vector = true,
	  .at_offset = true },
	{ .name = "recv", .direction = IN, .number = SYS_recvfrom, .socket = true },
	{ .name = "recvfrom", .direction = IN, .number = SYS_recvfrom, .socket = true },
	{ .name = "recvmsg", .direction = IN, .number = SYS_recvmsg, .socket = true,
	  .vector = true, .message = true },
	{ .name = "write", .direction = OUT, .number = SYS_write },
	{ .name = "pwrite", .direction = OUT, .number = SYS_pwrite64, .at_offset = true },
	{ .name = "writev", .direction = OUT, .number = SYS_writev, .vector = true },
	{ .name = "pwritev", .direction = OUT, .number = SYS_pwritev, .vector = true,
	  .at_offset = true },
	{ .name = "pwritev2", .direction = OUT, .number = SYS_pwritev2, .vector = true,
	  .at_offset = true },
	{ .name = "send", .direction = OUT, .number = SYS_sendto, .socket = true },
	{ .name = "sendto", .direction = OUT, .number = SYS_sendto, .socket = true },
	{ .name = "sendmsg", .direction = OUT, .number = SYS_sendmsg, .socket = true,
	  .vector = true, .message = true },
	{ .name = "sendfile", .direction = BETWEEN, .number = SYS_sendfile },
	{ .name = "copy_file_range", .direction = BETWEEN, .number = SYS_copy_file_range,
	  .at_offset = true },
	{ .name = "splice", .direction = BETWEEN, .number = SYS_splice },
	{ .name = "getrandom", .direction = RANDOM, .number = SYS_getrandom },
};

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i % 199);
}

static void *pages(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

/* One behind the other in `memory`. */
static void lay_out(const char *sizes)
{
	pieces = pages(MOST);
	for (char *end; *sizes; sizes = end + (*end == ',')) {
		size_t size = strtoul(sizes, &end, 10);

		pieces[npieces++] = (struct iovec){ memory + total, size };
		total += size;
	}
	CHECK(total <= MOST);
}

static int folder_file(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	CHECK(fd >= 0);
	return fd;
}

static struct ends open_ends(const struct way *way)
{
	int fds[2];

	if (way->at_offset || way->direction == BETWEEN)
		return (struct ends){ folder_file(), folder_file(), true };
	if (way->message || way->socket)
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	else
		CHECK(pipe(fds) == 0);
	if (way->direction == IN || way->socket)
		return (struct ends){ fds[0], fds[1], false };
	return (struct ends){ fds[1], fds[0], false };
}

/* With a descriptor that goes along. */
static struct msghdr with_control(void)
{
	struct cmsghdr *first = (void *)control;

	*first = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(first), &(int){ 1 }, sizeof(int));
	return (struct msghdr){ .msg_control = control, .msg_controllen = sizeof(control) };
}

static void send_message(int fd)
{
	struct iovec all = { before, total };
	struct msghdr sent = with_control();

	sent.msg_iov = &all;
	sent.msg_iovlen = 1;
	CHECK(inline3(SYS_sendmsg, fd, &sent, 0) == (long)total);
}

/* Puts `total` bytes of the pattern where the call will read them. */
static void fill(const struct way *way, const struct ends *ends)
{
	for (size_t i = 0; i < total; i++)
		before[i] = pattern(i);
	memset(memory, UNTOUCHED, sizeof(memory));
	if (way->direction == OUT)
		memcpy(memory, before, total);
	else if (ends->filed)
		CHECK(inline4(SYS_pwrite64, ends->ours, before, total, 0) == (long)total);
	else if (way->message)
		send_message(ends->other);
	else if (way->direction == IN)
		CHECK(inline3(SYS_write, ends->other, before, total) == (long)total);
}

static void make_message(const struct way *way)
{
	message = pages(4096);
	*message = with_control();
	message->msg_iov = pieces;
	message->msg_iovlen = npieces;
	/* recvmsg(2) writes to its own. */
	if (way->direction == OUT) {
		CHECK(mprotect(message, 4096, PROT_READ) == 0);
		return;
	}
	memset(control, 0, sizeof(control));
	message->msg_name = name;
	message->msg_namelen = sizeof(name);
	message->msg_flags = 7;
}

static long by_number(const struct way *way, int how, const struct ends *ends)
{
	long a[6] = { ends->ours, (long)memory, (long)total, 0, 0, 0 };
	loff_t from = 0;

	if (way->message)
		a[1] = (long)message, a[2] = 0;
	else if (way->vector)
		a[1] = (long)pieces, a[2] = (long)npieces;
	if (way->number == SYS_sendfile)
		a[0] = ends->other, a[1] = ends->ours, a[2] = (long)&from, a[3] = (long)total;
	if (way->number == SYS_copy_file_range)
		a[1] = (long)&from, a[2] = ends->other, a[3] = 0, a[4] = (long)total;
	if (way->number == SYS_splice)
		a[1] = (long)&from, a[2] = ends->other, a[3] = 0, a[4] = (long)total;
	if (way->number == SYS_getrandom)
		a[0] = (long)memory, a[1] = (long)total, a[2] = 0;
	if (how == NUMBER_WAY)
		return syscall(way->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return inline6(way->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static long by_name(const struct way *way, const struct ends *ends)
{
	int fd = ends->ours, count = (int)npieces;
	off_t from = 0;

#define IS(word) (!strcmp(way->name, word))
	if (IS("read")) return read(fd, memory, total);
	if (IS("pread")) return pread(fd, memory, total, 0);
	if (IS("readv")) return readv(fd, pieces, count);
	if (IS("preadv")) return preadv(fd, pieces, count, 0);
	if (IS("preadv2")) return preadv2(fd, pieces, count, 0, 0);
	if (IS("recv")) return recv(fd, memory, total, 0);
	if (IS("recvfrom")) return recvfrom(fd, memory, total, 0, NULL, NULL);
	if (IS("recvmsg")) return recvmsg(fd, message, 0);
	if (IS("write")) return write(fd, memory, total);
	if (IS("pwrite")) return pwrite(fd, memory, total, 0);
	if (IS("writev")) return writev(fd, pieces, count);
	if (IS("pwritev")) return pwritev(fd, pieces, count, 0);
	if (IS("pwritev2")) return pwritev2(fd, pieces, count, 0, 0);
	if (IS("send")) return send(fd, memory, total, 0);
	if (IS("sendto")) return sendto(fd, memory, total, 0, NULL, 0);
	if (IS("sendmsg")) return sendmsg(fd, message, 0);
	if (IS("sendfile")) return sendfile(ends->other, fd, &from, total);
	if (IS("copy_file_range")) return copy_file_range(fd, &from, ends->other, NULL, total, 0);
	if (IS("splice")) return splice(fd, &from, ends->other, NULL, total, 0);
	return getrandom(memory, total, 0);
}

/* At the other end there are `moved` bytes of the pattern, and no more. */
static void arrived(const struct ends *ends, long moved)
{
	long got;

	if (ends->filed) {
		got = inline4(SYS_pread64, ends->other, other, MOST, 0);
	} else {
		CHECK(fcntl(ends->other, F_SETFL, O_NONBLOCK) == 0);
		got = inline3(SYS_read, ends->other, other, MOST);
	}
	CHECK(got == moved || (!moved && got == -EAGAIN));
	CHECK(!memcmp(other, before, (size_t)moved));
}

static void looked_at(const struct way *way, const struct ends *ends, long moved)
{
	switch (way->direction) {
	case IN:
		CHECK(!memcmp(memory, before, (size_t)moved));
		break;
	case OUT:
	case BETWEEN:
		arrived(ends, moved);
		return;
	case RANDOM:
		break;
	}
	for (size_t i = (size_t)moved; i < MOST; i++)
		CHECK(memory[i] == UNTOUCHED);
}

/* The kernel has written to it, and only where it does. */
static void told_back(const struct way *way)
{
	if (!way->message)
		return;
	CHECK(message->msg_iov == pieces && message->msg_iovlen == npieces);
	if (way->direction == OUT)
		return;
	CHECK(message->msg_controllen == sizeof(control) && message->msg_namelen == 0);
	CHECK(((struct cmsghdr *)control)->cmsg_type == SCM_RIGHTS);
	CHECK(message->msg_flags == 0);
}

/* The vector as it was: nobody may write to it, so nobody has. */
static void make(const struct way *way, int how)
{
	struct ends ends = open_ends(way);
	long moved;

	if (way->direction == OUT && ends.filed)
		ends.other = ends.ours;
	fill(way, &ends);
	if (way->number == SYS_splice) {
		int fds[2];

		CHECK(pipe(fds) == 0);
		CHECK(inline3(SYS_dup3, fds[1], ends.other, 0) >= 0);
		CHECK(inline3(SYS_dup3, fds[0], 100, 0) == 100);
	}
	make_message(way);
	if (how == FIXED_WAY)
		CHECK(mprotect(message, 4096, PROT_READ) == 0);
	CHECK(mprotect(pieces, MOST, how == BAD_WAY ? PROT_NONE : PROT_READ) == 0);
	if (how == HUGE_WAY)
		total = (size_t)-1;
	moved = how == 0 || how >= BAD_WAY ? by_name(way, &ends) : by_number(way, how, &ends);
	if (how == INLINE_WAY) {
		told(way->name, moved);
	} else {
		int error = errno;

		printf("%s: %ld%s%s\n", way->name, moved, moved < 0 ? " " : "",
		       moved < 0 ? strerrorname_np(error) : "");
	}
	if (moved < 0)
		return;
	CHECK(mprotect(pieces, MOST, PROT_READ) == 0);
	if (way->number == SYS_splice)
		ends = (struct ends){ ends.ours, 100, false };
	looked_at(way, &ends, moved);
	told_back(way);
}

static int how_of(const char **name)
{
	static const char *const prefixes[] = { "", "inline:", "number:", "bad:",
					       "fixed:", "huge:" };

	for (int how = INLINE_WAY; how <= HUGE_WAY; how++)
		if (!strncmp(*name, prefixes[how], strlen(prefixes[how]))) {
			*name += strlen(prefixes[how]);
			return how;
		}
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 2 ? argv[1] : "readv";
	int how = how_of(&name);

	lay_out(argc > 2 ? argv[2] : "3,0,5");
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name)) {
			make(&ways[i], how);
			return passed();
		}
	CHECK(!"a way of the table");
}
