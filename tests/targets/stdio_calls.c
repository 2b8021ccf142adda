/* Streams in all the ways to get one, and what each then holds. */
#include "target.h"
#include <dirent.h>
#include <sys/stat.h>
#include <wchar.h>

static void show(const char *what, FILE *stream)
{
	char line[64] = "";

	if (!stream) {
		report(what, -1);
		return;
	}
	errno = 1234;
	CHECK(fgets(line, sizeof(line), stream) && errno == 1234);
	printf("%s: %s", what, line);
	CHECK(fclose(stream) == 0);
}

static void put(const char *path, const char *mode, const char *text)
{
	FILE *to = fopen(path, mode);

	CHECK(to && fputs(text, to) >= 0 && fclose(to) == 0);
}

static void opened(void)
{
	struct stat st;

	put("file", "w", "first line\nsecond line\n");
	put("file", "a", "third\n");
	CHECK(stat("file", &st) == 0);
	printf("%lld bytes, mode %o\n", (long long)st.st_size, st.st_mode & 0777);
	show("fopen", fopen("file", "r"));
	show("fopen64", fopen64("file", "re"));
	show("fopen missing", fopen("missing", "r"));
	show("fopen exclusive", fopen("file", "wx"));
	show("fopen bad mode", fopen("file", "q"));
	show("fdopen", fdopen(open("file", O_RDONLY), "r"));
	show("fdopen bad", fdopen(-1, "r"));
	show("fdopen wrong", fdopen(open("file", O_RDONLY), "w"));
	show("freopen", freopen("file", "r", fopen("/dev/null", "r")));
	show("popen", popen("echo popen", "r"));
	show("fmemopen", fmemopen((char[]){ "in memory\n" }, 10, "r"));
}

static void moved(void)
{
	FILE *both = fopen("file", "r+");
	char byte, rest[64] = "", *line = NULL;
	size_t size = 0;
	fpos_t at;

	CHECK(both && setvbuf(both, NULL, _IOFBF, 4096) == 0);
	CHECK(fseek(both, 6, SEEK_SET) == 0 && ftell(both) == 6);
	CHECK(fread(&byte, 1, 1, both) == 1 && byte == 'l' && fgetpos(both, &at) == 0);
	CHECK(getline(&line, &size, both) == 4 && !strcmp(line, "ine\n"));
	CHECK(getdelim(&line, &size, ' ', both) == 7 && ungetc('S', both) == 'S');
	CHECK(fread(rest, 1, sizeof(rest), both) == 12 && feof(both) && !ferror(both));
	CHECK(fsetpos(both, &at) == 0 && getc(both) == 'i');
	CHECK(fseeko(both, 0, SEEK_END) == 0 && fwrite("end\n", 1, 4, both) == 4);
	CHECK(fflush(both) == 0 && fileno(both) >= 3 && fclose(both) == 0);
	free(line);
	printf("%s", rest);
}

static void failing(void)
{
	FILE *full = fopen("/dev/full", "w");

	CHECK(full && fputs("lost", full) >= 0);
	report("fflush to a full device", fflush(full));
	CHECK(ferror(full));
	clearerr(full);
	fclose(full);
	report("fread of a folder", fgetc(fopen(".", "r")));
}

static ssize_t cookie_read(void *cookie, char *bytes, size_t size)
{
	int fd = open("/dev/zero", O_RDONLY);
	ssize_t got = read(fd, bytes, size < 4 ? size : 4);

	close(fd);
	*(int *)cookie += 1;
	return got;
}

/* Calls inside of calls: the stream's own read is the program's function. */
static void nested(void)
{
	cookie_io_functions_t calls = { .read = cookie_read };
	char bytes[8];
	int times = 0;
	FILE *from = fopencookie(&times, "r", calls);

	CHECK(from && fread(bytes, 1, 8, from) == 8 && times >= 2 && fclose(from) == 0);
	printf("cookie: %d\n", times);
}

static void named(void)
{
	char one[] = "tmpXXXXXX", two[] = "dirXXXXXX", three[] = "no-template";
	int fd = mkstemp(one);

	CHECK(fd >= 0 && strncmp(one, "tmp", 3) == 0 && close(fd) == 0);
	CHECK(unlink(one) == 0 && mkdtemp(two) == two && remove(two) == 0);
	report("mkstemp without X", mkstemp(three));
	show("tmpfile", tmpfile() ? fopen("file", "r") : NULL);
}

int main(void)
{
	umask(022);
	opened();
	moved();
	failing();
	nested();
	named();
	return passed();
}
