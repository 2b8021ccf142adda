/* Calls that take paths, in and under the directory argv[1] (absolute, empty, its
 * parent exists): absolute, relative to the current directory, relative to a dirfd.
 * Prints each result, which must not depend on where the directory really is. Leaves
 * the files `kept` (5 bytes) and `by_dirfd` behind. */
#include "under.h"
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>

static void write_kept(void)
{
	int fd = open(under("/kept"), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	report("open O_CREAT", fd);
	if (fd >= 0)
		CHECK(write(fd, "five\n", 5) == 5 && close(fd) == 0);
}

static void absolute(void)
{
	char target[PATH_MAX];
	struct statx stx;
	struct stat st;

	report("stat", stat(under("/kept"), &st));
	report("lstat", lstat(under("/kept"), &st));
	report("statx", statx(AT_FDCWD, under("/kept"), 0, STATX_SIZE, &stx));
	report("access", access(under("/kept"), R_OK));
	report("faccessat", faccessat(AT_FDCWD, under("/missing"), R_OK, 0));
	report("chmod", chmod(under("/kept"), 0600));
	report("truncate", truncate(under("/kept"), 5));
	report("utimensat", utimensat(AT_FDCWD, under("/kept"), NULL, 0));
	report("mkdir", mkdir(under("/dir"), 0700));
	report("mkdir again", mkdir(under("/dir"), 0700));
	report("rmdir", rmdir(under("/dir")));
	report("link", link(under("/kept"), under("/hard")));
	report("rename", rename(under("/hard"), under("/renamed")));
	report("symlink", symlink("kept", under("/soft")));
	report("readlink", readlink(under("/soft"), target, sizeof(target)));
	report("unlink", unlink(under("/soft")));
	report("unlinkat", unlinkat(AT_FDCWD, under("/renamed"), 0));
}

static void streams(void)
{
	DIR *dir = opendir(top);
	FILE *file = fopen(under("/kept"), "r");
	char line[16];

	report("opendir", dir ? 0 : -1);
	report("fopen", file ? 0 : -1);
	CHECK(!file || fgets(line, sizeof(line), file));
	printf("content: %s", file ? line : "none\n");
	if (dir)
		closedir(dir);
	if (file)
		fclose(file);
}

static void by_dirfd(void)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY);
	char copy[PATH_MAX], name[PATH_MAX];
	int parent = open(dirname(strcpy(copy, top)), O_RDONLY | O_DIRECTORY);
	struct stat st;

	report("open directory", fd);
	report("openat", openat(fd, "by_dirfd", O_WRONLY | O_CREAT, 0600));
	report("fstatat", fstatat(fd, "by_dirfd", &st, 0));
	report("mkdirat", mkdirat(fd, "dir", 0700));
	report("unlinkat dir", unlinkat(fd, "dir", AT_REMOVEDIR));
	CHECK(snprintf(name, sizeof(name), "%s/kept", strrchr(top, '/') + 1) < PATH_MAX);
	report("openat from the parent", openat(parent, name, O_RDONLY));
}

static void relative(void)
{
	struct stat st;

	report("chdir", chdir(top));
	report("stat relative", stat("kept", &st));
	report("stat ./", stat("./kept", &st));
	report("stat missing", stat("missing", &st));
	report("open relative", open("kept", O_RDONLY));
	report("open relative up", open("../no-such-sibling", O_RDONLY));
}

int main(int argc, char **argv)
{
	struct stat st;

	CHECK(argc == 2 && argv[1][0] == '/');
	top = argv[1];
	write_kept();
	absolute();
	streams();
	by_dirfd();
	report("a neighbour with a longer name", stat(under("bar"), &st));
	relative();
	return passed();
}
