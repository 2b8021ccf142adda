/* Writes to a file, syncs it and writes again, and prints what each call returned and what
 * is in the file: `unsynced WORD...`, in the working directory. */
#include "target.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

static int fd = -1;

static void show(void)
{
	char text[200];
	int in = open("file", O_RDONLY);
	ssize_t n = in < 0 ? -1 : read(in, text, sizeof(text));

	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = '.';
	printf("file: %.*s|\n", n < 0 ? 0 : (int)n, text);
	if (in >= 0)
		close(in);
}

static void reopen(int flags)
{
	if (fd >= 0)
		CHECK(!close(fd));
	report("open", fd = open("file", O_CREAT | flags, 0600));
}

static void vector(void)
{
	struct iovec pieces[] = { { "VEC", 3 }, { "TOR", 3 } };

	report("vector", pwritev(fd, pieces, 2, 1));
}

static void refused(void)
{
	struct iovec piece = { (void *)8, 3 };

	report("refused", writev(fd, &piece, 1));
}

/* By flags of its own, where something is already. */
static void flagged(const char *what, int flags)
{
	struct iovec piece = { "abc", 3 };

	report(what, pwritev2(fd, &piece, 1, 0, flags));
}

/* Two files change their names. */
static void exchange(void)
{
	int other = open("other", O_CREAT | O_RDWR, 0600);

	CHECK(other >= 0 && !close(other));
	for (int i = 0; i < 2; i++)
		CHECK(!renameat2(AT_FDCWD, "other", AT_FDCWD, "file", RENAME_EXCHANGE));
	CHECK(!unlink("other"));
}

static void copy(void)
{
	int from = open("from", O_CREAT | O_RDWR | O_TRUNC, 0600);

	CHECK(from >= 0 && write(from, "copied", 6) == 6 && !lseek(from, 0, SEEK_SET));
	report("copy", sendfile(fd, from, NULL, 6));
	close(from);
}

static void in_child(void)
{
	if (!fork()) {
		CHECK(pwrite(fd, "child", 5, 2) == 5);
		_exit(0);
	}
	CHECK(wait_for(-1) == 0);
}

static void one(const char *word)
{
	if (!strcmp(word, "open")) reopen(O_RDWR);
	else if (!strcmp(word, "append")) reopen(O_RDWR | O_APPEND);
	else if (!strcmp(word, "truncating")) reopen(O_RDWR | O_TRUNC);
	else if (!strcmp(word, "only")) reopen(O_WRONLY);
	else if (!strcmp(word, "synchronous")) reopen(O_RDWR | O_DSYNC);
	else if (!strcmp(word, "fsync")) report(word, fsync(fd));
	else if (!strcmp(word, "fdatasync")) report(word, fdatasync(fd));
	else if (!strcmp(word, "syncfs")) report(word, syncfs(fd));
	else if (!strcmp(word, "shrink")) report(word, ftruncate(fd, 2));
	else if (!strcmp(word, "grow")) report(word, ftruncate(fd, 30));
	else if (!strcmp(word, "room")) report(word, fallocate(fd, 0, 0, 40));
	else if (!strcmp(word, "refused")) refused();
	else if (!strcmp(word, "durable")) flagged(word, RWF_DSYNC);
	else if (!strcmp(word, "placed")) flagged(word, 0x20 /* RWF_NOAPPEND */);
	else if (!strcmp(word, "exchange")) exchange();
	else if (!strcmp(word, "read")) CHECK((fd = open("file", O_RDONLY)) >= 0);
	else if (!strcmp(word, "vector")) vector();
	else if (!strcmp(word, "copy")) copy();
	else if (!strcmp(word, "child")) in_child();
	else if (!strcmp(word, "unlink")) report(word, unlink("file"));
	else if (!strcmp(word, "start")) CHECK(!lseek(fd, 0, SEEK_SET));
	else if (!strcmp(word, "show")) show();
	else CHECK(write(fd, word, strlen(word)) == (ssize_t)strlen(word));
}

int main(int argc, char **argv)
{
	(void)argc;
	while (*++argv)
		one(*argv);
	return passed();
}
