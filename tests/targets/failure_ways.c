/* Each way in which libc's functions tell that they failed. One line for each says what
 * the program was left with: result, errno, the stream's mark, the pointers it gave.
 *
 * `failure_ways really` makes each of them fail by itself, as far as that can be done
 * without harm; otherwise all is well unless somebody steps in. What may fail works on
 * "victim" or its own stream, what is done before it on other names. */
#include "target.h"
#include <dirent.h>
#include <dlfcn.h>
#include <ftw.h>
#include <glob.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <resolv.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <threads.h>
#include <wordexp.h>

extern char **environ;

enum { LEFT = 1234 };  /* errno before the call: no error's number */

static bool really;
static int out;  /* a copy of fd 1, which by_printf() gives away */
static char last[64];  /* what errno is, as text */

static const char *left(void)
{
	int err = errno;
	const char *name = strerrorname_np(err);

	snprintf(last, sizeof(last), "%s", err == LEFT ? "untouched" : name ? name : "0");
	errno = err;
	return last;
}

/* What the call returned decides about the words, which must not change errno. */
#define TELL(what, call, format, ...)                                       \
	do {                                                                \
		errno = LEFT;                                               \
		__typeof__(call) ret = (call);                              \
		left();                                                     \
		dprintf(out, what ": " format "\n", ret, ##__VA_ARGS__);      \
	} while (0)
#define ERRNO(what, call) TELL(what, (long)(call), "%ld %s", last)
#define POINTER(what, call) TELL(what, (call) ? "a pointer" : "NULL", "%s %s", last)
#define NUMBER(what, call) TELL(what, (long)(call), "%ld")

/* From now on no descriptor is to be had. */
static void no_more_fds(void)
{
	struct rlimit limit = { .rlim_cur = 3, .rlim_max = 1024 };

	if (really)
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static FILE *opened(const char *path, const char *mode)
{
	FILE *made = fopen(path, mode);

	CHECK(made);
	return made;
}

static FILE *unreadable(void)
{
	return opened(really ? "." : "file", "r");
}

static FILE *unwritable(void)
{
	return opened(really ? "/dev/full" : "/dev/null", "w");
}

static FILE *unbuffered(void)
{
	FILE *to = unwritable();

	CHECK(setvbuf(to, NULL, _IONBF, 0) == 0);
	return to;
}

/* ---- NULL, -1, MAP_FAILED ---- */

static void by_fopen(void) { no_more_fds(); POINTER("fopen", fopen("victim", "r")); }
static void by_opendir(void) { no_more_fds(); POINTER("opendir", opendir("victims")); }
static void by_popen(void) { no_more_fds(); POINTER("popen", popen("true", "r")); }
static void by_tmpfile(void) { no_more_fds(); POINTER("tmpfile", tmpfile()); }
static void by_fdopen(void) { POINTER("fdopen", fdopen(really ? 99 : 2, "w")); }

static void by_realpath(void)
{
	POINTER("realpath", realpath(really ? "no/victim" : "victim", NULL));
}

static void by_setlocale(void)
{
	POINTER("setlocale", setlocale(LC_ALL, really ? "no_SUCH.locale" : "C"));
}

static void by_sem_open(void)
{
	char name[32];

	snprintf(name, sizeof(name), "/pyshim-test-%d", getpid());
	POINTER("sem_open", sem_open(name, really ? 0 : O_CREAT | O_EXCL, 0600, 1));
	sem_unlink(name);
}

static void by_mmap(void)
{
	void *map = MAP_FAILED;

	ERRNO("mmap", (map = mmap(NULL, really ? 0 : 4096, PROT_READ,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) == MAP_FAILED);
}

static void by_remove(void) { ERRNO("remove", remove(really ? "no/victim" : "victim")); }

static void by_mkstemp(void)
{
	char template[] = "victimXXXXXX";

	no_more_fds();
	ERRNO("mkstemp", mkstemp(template) >= 0);
}

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)path, (void)st, (void)flag, (void)ftw;
	return 0;
}

static void by_nftw(void)
{
	ERRNO("nftw", nftw(really ? "no/victim" : "victims", visit, 4, 0));
}

static void by_scandir(void)
{
	struct dirent **names;
	const char *folder = really ? "no/victim" : "victims";

	ERRNO("scandir", scandir(folder, &names, NULL, NULL) >= 0);
}

/* ---- the same value is an end, or nothing found ---- */

static void by_readdir(void)
{
	DIR *dir = opendir("folder");

	CHECK(dir && (!really || close(dirfd(dir)) == 0));
	POINTER("readdir", readdir(dir));
}

static void by_getpwnam(void) { no_more_fds(); POINTER("getpwnam", getpwnam("root")); }
static void by_pathconf(void) { ERRNO("pathconf", pathconf(".", really ? 999 : 4) > 0); }

/* ---- streams: the mark says which it was ---- */

static void by_fgetc(void)
{
	FILE *from = unreadable();

	TELL("fgetc", fgetc(from) == EOF, "%d %s, error %d, end %d", last, !!ferror(from),
	     !!feof(from));
}

static void by_fgets(void)
{
	FILE *from = unreadable();
	char line[8];

	TELL("fgets", !fgets(line, 8, from), "%d %s, error %d, end %d", last,
	     !!ferror(from), !!feof(from));
}

static void by_getline(void)
{
	ssize_t (*volatile get)(char **, size_t *, FILE *) = getline;  /* or getdelim */
	FILE *from = unreadable();
	char *line = NULL;
	size_t size = 0;

	TELL("getline", get(&line, &size, from) < 0, "%d %s, error %d, end %d", last,
	     !!ferror(from), !!feof(from));
}

static void by_fread(void)
{
	FILE *from = unreadable();
	char bytes[8];

	TELL("fread", fread(bytes, 4, 2, from), "%zu %s, error %d, end %d", last,
	     !!ferror(from), !!feof(from));
}

static void by_fputs(void)
{
	FILE *to = unbuffered();

	TELL("fputs", fputs("lost", to) == EOF, "%d %s, error %d", last, !!ferror(to));
}

static void by_fprintf(void)
{
	FILE *to = unbuffered();

	TELL("fprintf", fprintf(to, "%s\n", "lost") < 0, "%d %s, error %d", last,
	     !!ferror(to));
}

static void by_getchar(void)
{
	int (*volatile get)(void) = getchar;  /* inline it would be getc */

	CHECK(dup2(open(really ? "." : "file", O_RDONLY), 0) == 0);
	TELL("getchar", get() == EOF, "%d %s, error %d", last, !!ferror(stdin));
}

static void by_printf(void)
{
	CHECK(dup2(open(really ? "/dev/full" : "/dev/null", O_WRONLY), 1) == 1);
	CHECK(setvbuf(stdout, NULL, _IONBF, 0) == 0);
	TELL("printf", printf("%s\n", "lost") < 0, "%d %s, error %d", last,
	     !!ferror(stdout));
}

/* What is written last fails to be, and the descriptor is gone all the same. */
static void by_fclose(void)
{
	FILE *to = unwritable();
	int fd = fileno(to);

	CHECK(fputc(0, to) == 0);
	ERRNO("fclose", fclose(to));
	ERRNO("fclose, then its fd", fcntl(fd, F_GETFD));
}

/* ---- the error's number itself ---- */

static void by_umask(void) { ERRNO("umask", umask(022) - 022); }

static void by_getpwnam_r(void)
{
	struct passwd entry, *result = &entry;
	char bytes[4096];
	size_t size = really ? 1 : sizeof(bytes);

	TELL("getpwnam_r", getpwnam_r("root", &entry, bytes, size, &result),
	     "%d, result %s", result ? "an entry" : "NULL");
}

static void *run(void *arg) { return arg; }

static void by_pthread_create(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(!really || pthread_attr_setstacksize(&attr, 1ul << 50) == 0);
	int failed;

	NUMBER("pthread_create", failed = pthread_create(&thread, &attr, run, NULL));
	CHECK(failed || pthread_join(thread, NULL) == 0);
}

static void by_posix_spawn(void)
{
	pid_t pid = LEFT;
	char *args[] = { "true", NULL };
	const char *path = really ? "no/victim" : "/bin/true";

	NUMBER("posix_spawn", posix_spawn(&pid, path, NULL, NULL, args, environ));
}

/* ---- codes of their own ---- */

static void by_getaddrinfo(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *list = NULL;
	const char *name = really ? "victim" : "127.0.0.1";

	NUMBER("getaddrinfo", getaddrinfo(name, "80", &hints, &list));
}

static void by_gethostbyname(void)
{
	h_errno = 0;
	TELL("gethostbyname", gethostbyname("127.0.0.1") ? "found" : "NULL",
	     "%s %s, h_errno %d", last, h_errno);
}

static void by_res_query(void)
{
	unsigned char answer[64];

	h_errno = 0;
	/* No name server is asked: a query of this class can't be made. */
	TELL("res_query", res_query("victim..name", 1, 1, answer, 64),
	     "%d %s, h_errno %d", last, h_errno);
}

static void by_glob(void)
{
	glob_t found = { 0 };

	NUMBER("glob", glob(really ? "no-such*" : "victim*", 0, NULL, &found));
}

static void by_wordexp(void)
{
	wordexp_t words = { 0 };

	NUMBER("wordexp", wordexp(really ? "$(" : "one two", &words, 0));
}

static int work(void *arg) { return !arg; }

static void by_thrd_create(void)
{
	thrd_t thread;

	int failed;

	NUMBER("thrd_create", failed = thrd_create(&thread, work, NULL) - thrd_success);
	CHECK(failed || thrd_join(thread, NULL) == thrd_success);
}

static void by_system(void) { ERRNO("system", system("exit 3")); }

/* ---- */

static void (*const ways[])(void) = {
	by_fopen, by_opendir, by_popen, by_tmpfile, by_fdopen, by_realpath, by_setlocale,
	by_sem_open, by_mmap, by_remove, by_mkstemp, by_nftw, by_scandir, by_readdir,
	by_getpwnam, by_pathconf, by_fgetc, by_fgets, by_getline, by_fread, by_fputs,
	by_umask,
	by_fprintf, by_getchar, by_printf, by_fclose, by_getpwnam_r, by_pthread_create,
	by_posix_spawn, by_getaddrinfo, by_gethostbyname, by_res_query, by_glob,
	by_wordexp, by_thrd_create, by_system,
};

static void prepare(void)
{
	CHECK(close(open("file", O_WRONLY | O_CREAT, 0600)) == 0 && truncate("file", 64) == 0);
	CHECK(close(open("victim", O_WRONLY | O_CREAT, 0600)) == 0);
	CHECK(mkdir("folder", 0700) == 0 && mkdir("victims", 0700) == 0);
}

int main(int argc, char **argv)
{
	(void)argv;
	really = argc > 1;
	prepare();
	out = fcntl(1, F_DUPFD, 50);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			ways[i]();
			_exit(0);
		}
		CHECK(pid > 0 && wait_for(pid) == 0);
	}
	return passed();
}
