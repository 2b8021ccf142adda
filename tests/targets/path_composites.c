/* Functions of libc's that open, list and make files by several syscalls, in and under
 * the directory argv[1] (absolute, its parent exists; in it a file `kept` and a folder
 * `deep` with `a` and `b`). What it prints must not depend on where the directory really
 * is. Leaves `made` and what mkstemp and its kin made. */
#include "under.h"
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static void line_of(const char *what, FILE *stream)
{
	char line[64] = "nothing\n";

	report(what, stream ? 0 : -1);
	if (!stream)
		return;
	fgets(line, sizeof(line), stream);
	printf("  %s", line);
	fclose(stream);
}

static void streams(void)
{
	FILE *to = fopen(under("/made"), "wx");

	CHECK(to && fputs("by fopen\n", to) >= 0 && fclose(to) == 0);
	line_of("fopen", fopen(under("/made"), "r"));
	line_of("fopen64", fopen64(under("//deep/../kept"), "re"));
	line_of("fopen missing", fopen(under("/missing"), "r"));
	line_of("freopen", freopen(under("/kept"), "r", fopen("/dev/null", "r")));
	report("remove", remove(under("/made")));
	report("remove again", remove(under("/made")));
	report("remove a folder", remove(under("/deep")));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visits;

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag;
	CHECK(path[ftw->base - 1] == '/' && ftw->level <= 2);
	visits++;
	return 0;
}

static int visit_too(const char *path, const struct stat *st, int flag)
{
	return visit(path, st, flag, &(struct FTW){ .base = (int)strlen(top) + 1 }) ? 1 : 0;
}

static void folders(void)
{
	struct dirent **found;
	DIR *dir = opendir(top);
	int names = 0;

	report("opendir", dir ? 0 : -1);
	while (dir && readdir(dir))
		names++;
	printf("  %d names\n", names);
	report("opendir a file", opendir(under("/kept")) ? 0 : -1);
	names = scandir(under("/deep/"), &found, NULL, by_name);
	report("scandir", names);
	for (int i = 0; i < names; i++)
		printf("  %s\n", found[i]->d_name);
	report("nftw", nftw(top, visit, 8, FTW_PHYS));
	printf("  %d visits\n", visits);
	report("ftw", ftw(under("/missing"), visit_too, 8));
}

static void asked(void)
{
	char path[PATH_MAX] = "";
	struct statvfs fs;

	report("realpath", realpath(under("/deep/./a"), path) == path ? 0 : -1);
	printf("  %s\n", *path ? strrchr(path, '/') : "nothing");
	report("realpath missing", realpath(under("/missing"), path) ? 0 : -1);
	report("canonicalize_file_name", canonicalize_file_name(under("/kept")) ? 0 : -1);
	report("statvfs", statvfs(under("/kept"), &fs));
	report("statvfs missing", statvfs(under("/missing"), &fs));
	report("euidaccess", euidaccess(under("/kept"), R_OK));
	report("pathconf", pathconf(under("/kept"), _PC_NAME_MAX) > 0 ? 0 : -1);
	report("truncate", truncate(under("/kept"), 64));
}

/* The name that was made must be in the program's own memory, and the file there. */
static void made(const char *what, char *template, const char *suffix, int fd)
{
	size_t prefix = strlen(top) + strlen("/fileXX") - 2, length = strlen(template);
	struct stat st;

	report(what, fd);
	CHECK(strncmp(template, top, strlen(top)) == 0);
	CHECK(length == prefix + 6 + strlen(suffix) && !strcmp(template + prefix + 6, suffix));
	printf("  %s\n", strncmp(template + prefix, "XXXXXX", 6) ? "filled" : "untouched");
	report("  stat", stat(template, &st));
}

static void temporary(void)
{
	char *one = strdup(under("/fileXXXXXX")), *two = strdup(under("/fileXXXXXX.suffix"));
	char *three = strdup(under("/fileXXXXXX")), *four = strdup(under("/fileXXXXXX.c"));
	char *folder = strdup(under("/fileXXXXXX")), *name = strdup(under("/fileXXXXXX"));
	char *bad = strdup(under("/fileXXXXX-")), *inside;

	made("mkstemp", one, "", mkstemp(one));
	made("mkstemps", two, ".suffix", mkstemps(two, 7));
	made("mkostemp", three, "", mkostemp(three, O_CLOEXEC));
	made("mkostemps", four, ".c", mkostemps(four, 2, O_APPEND));
	inside = mkdtemp(folder);
	CHECK(inside == folder);
	made("mkdtemp", folder, "", 0);
	inside = mktemp(name);
	CHECK(inside == name && access(name, F_OK) == -1 && errno == ENOENT);
	CHECK(strncmp(name, top, strlen(top)) == 0 && !strstr(name, "XXXXXX"));
	report("mkstemp without X", mkstemp(bad));
	CHECK(!strcmp(bad + strlen(top), "/fileXXXXX-"));
}

static void relative(void)
{
	char name[PATH_MAX], template[PATH_MAX];
	const char *last = strrchr(top, '/') + 1;
	size_t parent = (size_t)(last - top);

	CHECK(snprintf(name, PATH_MAX, "%.*s", (int)parent, top) > 0 && chdir(name) == 0);
	CHECK(snprintf(name, PATH_MAX, "%s/kept", last) > 0);
	line_of("fopen relative", fopen(name, "r"));
	CHECK(snprintf(template, PATH_MAX, "%s/fileXXXXXX", last) > 0);
	report("mkstemp relative", mkstemp(template));
	CHECK(strncmp(template, last, strlen(last)) == 0);
	report("  access", access(template, W_OK));
}

int main(int argc, char **argv)
{
	CHECK(argc == 2 && argv[1][0] == '/');
	top = argv[1];
	streams();
	folders();
	asked();
	temporary();
	relative();
	return passed();
}
