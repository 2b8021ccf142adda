/* Calls that move bytes. Those that write take the next of `data`, so that the file
 * shows which of them came; those that read are told by a sum of what they brought. */
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static struct iovec parts[2];

/* `from` in two pieces of these sizes. */
static const struct iovec *pieces_of(unsigned char *from, const long *sizes)
{
	parts[0] = (struct iovec){ from, (size_t)sizes[0] };
	parts[1] = (struct iovec){ from + sizes[0], (size_t)sizes[1] };
	return parts;
}

WORD(write) { return taken(write((int)a[0], NEXT, (size_t)a[1])); }
WORD(pwrite) { return taken(pwrite((int)a[0], NEXT, (size_t)a[1], a[2])); }
WORD(writev) { return taken(writev((int)a[0], pieces_of(NEXT, a + 1), 2)); }
WORD(pwritev) { return taken(pwritev((int)a[0], pieces_of(NEXT, a + 1), 2, a[3])); }
WORD(pwritev2) { return taken(pwritev2((int)a[0], pieces_of(NEXT, a + 1), 2, a[3], 0)); }
WORD(read) { return read((int)a[0], got, (size_t)a[1]); }
WORD(pread) { return pread((int)a[0], got, (size_t)a[1], a[2]); }
WORD(readv) { return readv((int)a[0], pieces_of(got, a + 1), 2); }
WORD(preadv) { return preadv((int)a[0], pieces_of(got, a + 1), 2, a[3]); }
WORD(preadv2) { return preadv2((int)a[0], pieces_of(got, a + 1), 2, a[3], 0); }
WORD(splice) { return splice((int)a[0], NULL, (int)a[1], NULL, (size_t)a[2], (unsigned)a[3]); }
WORD(tee) { return tee((int)a[0], (int)a[1], (size_t)a[2], (unsigned)a[3]); }
WORD(vmsplice) { return taken(vmsplice((int)a[0], pieces_of(NEXT, a + 1), 2, (unsigned)a[3])); }
WORD(sendfile) { return sendfile((int)a[0], (int)a[1], NULL, (size_t)a[2]); }
WORD(copy_file_range) { return copy_file_range((int)a[0], NULL, (int)a[1], NULL, (size_t)a[2], 0); }

/* The offset of the caller's, told by the next line's. */
WORD(sendfile_from)
{
	off_t offset = a[2];
	long count = sendfile((int)a[0], (int)a[1], &offset, (size_t)a[3]);

	keep('o', offset);
	return count;
}

/* To an eventfd, eight bytes. */
WORD(add)
{
	uint64_t value = (uint64_t)a[1];

	return write((int)a[0], &value, sizeof(value));
}

WORD(value) { return a[0]; }

#define WORDS_OF_TRANSFERS                                                          \
	{ "write", do_write, NUMBER }, { "pwrite", do_pwrite, NUMBER },             \
	{ "writev", do_writev, NUMBER }, { "pwritev", do_pwritev, NUMBER },         \
	{ "pwritev2", do_pwritev2, NUMBER }, { "read", do_read, FILLED },           \
	{ "pread", do_pread, FILLED }, { "readv", do_readv, FILLED },               \
	{ "preadv", do_preadv, FILLED }, { "preadv2", do_preadv2, FILLED },         \
	{ "splice", do_splice, NUMBER }, { "tee", do_tee, NUMBER },                 \
	{ "vmsplice", do_vmsplice, NUMBER }, { "sendfile", do_sendfile, NUMBER },   \
	{ "sendfile_from", do_sendfile_from, NUMBER },                              \
	{ "copy_file_range", do_copy_file_range, NUMBER },                          \
	{ "add", do_add, NUMBER }, { "value", do_value, NUMBER }
