/* Works on files in the working directory as a random number says, and prints what each
 * call returned: the same on every disk of that size. `disk_ops SEED STEPS [holes]`: with
 * holes files are made sparse, without them room is reserved. */
#include "target.h"
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { FILES = 5, MOST = 60000 };

static uint64_t state;
static int fds[FILES], source, holes;
static char data[MOST];
static const char *names[FILES] = { "a", "b", "c", "d", "e" };

static uint64_t next(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static uint64_t size(void)
{
	static const uint64_t scales[] = { 20, 4096, 9000, 30000, MOST };

	return next(scales[next(5)]);
}

/* An offset in a file, or behind it. */
static uint64_t within(const struct stat *st)
{
	return next((uint64_t)st->st_size + (holes ? MOST : 1));
}

static void say(const char *what, int file, long ret)
{
	struct stat st;

	printf("%s %s: %ld %s", what, names[file], ret, ret < 0 ? strerrorname_np(errno) : "");
	if (!stat(names[file], &st))
		printf(" %lld", (long long)st.st_size);
	puts("");
}

static void opens(int file, int flags)
{
	if (fds[file] >= 0)
		CHECK(!close(fds[file]));
	fds[file] = open(names[file], O_RDWR | O_CREAT | flags, 0600);
	say(flags & O_TRUNC ? "truncating" : flags & O_APPEND ? "appending" : "open", file,
	    fds[file] < 0 ? -1 : 0);
}

/* Nothing is unlinked while it is open: what that frees is not what the kernel frees. */
static void goes(int file)
{
	if (fds[file] >= 0)
		CHECK(!close(fds[file]));
	fds[file] = -1;
}

static void vector(int file)
{
	struct iovec pieces[3];
	struct stat st;

	CHECK(!fstat(fds[file], &st));
	for (int i = 0; i < 3; i++)
		pieces[i] = (struct iovec){ data + next(100), next(12000) };
	if (next(2))
		say("writev", file, writev(fds[file], pieces, 3));
	else
		say("pwritev", file, pwritev(fds[file], pieces, 3, (off_t)within(&st)));
}

static void copies(int file)
{
	struct stat st;

	CHECK(!fstat(fds[file], &st));
	off_t from = (off_t)next(MOST + 1000), to = (off_t)within(&st);

	switch (next(3)) {
	case 0: say("sendfile", file, sendfile(fds[file], source, &from, size())); break;
	case 1:
		say("copy_file_range", file,
		    copy_file_range(source, &from, fds[file], &to, size(), 0));
		break;
	default:
		say("copy_file_range to here", file,
		    copy_file_range(source, &from, fds[file], NULL, size(), 0));
	}
}

static void resizes(int file)
{
	struct stat st;
	off_t to = (off_t)size();

	CHECK(!fstat(fds[file], &st));
	if (!holes && to > st.st_size)
		to = st.st_size;
	if (next(2))
		say("ftruncate", file, ftruncate(fds[file], to));
	else
		say("truncate", file, truncate(names[file], to));
}

static void reserves(int file)
{
	struct stat st;
	int ret;

	CHECK(!fstat(fds[file], &st));
	if (holes) {
		/* Not the last page: ext4 frees that of which tmpfs keeps a part. */
		uint64_t end = (uint64_t)st.st_size / 4096 * 4096, from = next(end + 1);

		say("punch", file, fallocate(fds[file], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					     (off_t)from, (off_t)next(end - from + 1)));
	} else if (next(2)) {
		say("fallocate", file, fallocate(fds[file], 0, 0, (off_t)size() + 1));
	} else {
		ret = posix_fallocate(fds[file], st.st_size, (off_t)size() + 1);
		errno = ret;
		say("posix_fallocate", file, ret ? -1 : 0);
	}
}

static void renames(int file)
{
	int to = (int)next(FILES);

	goes(file);
	if (to != file)
		goes(to);
	say("rename", to, rename(names[file], names[to]));
}

static void links(int file)
{
	goes(file);
	report("link", link(names[file], "second"));
	say("unlink", file, unlink(names[file]));
	report("unlink second", unlink("second"));
}

static void step(int file)
{
	struct stat st;

	if (fds[file] < 0)
		opens(file, 0);
	CHECK(fds[file] >= 0 && !fstat(fds[file], &st));
	switch (next(15)) {
	case 0: opens(file, O_TRUNC); break;
	case 1: opens(file, O_APPEND); break;
	case 2: opens(file, 0); break;
	case 3: copies(file); break;
	case 4: resizes(file); break;
	case 5: reserves(file); break;
	case 6: renames(file); break;
	case 7: goes(file); say("unlink", file, unlink(names[file])); break;
	case 8: links(file); break;
	case 9: vector(file); break;
	case 10:
		say("lseek", file, lseek(fds[file], (off_t)within(&st), SEEK_SET));
		break;
	case 11:
		say("pwrite", file, pwrite(fds[file], data, size(), (off_t)within(&st)));
		break;
	case 12:
		CHECK(lseek(fds[file], 0, SEEK_END) >= 0);
		say("write at its end", file, write(fds[file], data, size()));
		break;
	default: say("write", file, write(fds[file], data, size()));
	}
}

int main(int argc, char **argv)
{
	CHECK(argc > 2);
	state = strtoul(argv[1], NULL, 10) * 0x9e3779b97f4a7c15 + 1;
	holes = argc > 3;
	for (int i = 0; i < MOST; i++)
		data[i] = (char)('a' + i % 26);
	CHECK((source = open("source", O_CREAT | O_RDWR, 0600)) >= 0);
	CHECK(write(source, data, MOST) == MOST);
	for (int i = 0; i < FILES; i++)
		fds[i] = -1;
	for (long i = strtol(argv[2], NULL, 10); i; i--)
		step((int)next(FILES));
	return passed();
}
