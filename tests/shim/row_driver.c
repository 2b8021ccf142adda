/*
 * Calls every function of the table, each in a child of its own, with arguments that
 * are all zero, all -1, bad pointers, or good; prints what the caller sees of each.
 *
 * What the driver itself needs goes by raw syscalls: no rule fails it, no log shows it.
 * cases.h is made from the table by test_rows.py: the CASES, and how to call them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <wchar.h>
#include "sys.h"

enum { FILE_FD = 20, SOCKET_FD = 21, PEER_FD = 22 };
enum { AREA = 4096, NARGS = 9, UNTOUCHED = 77, NOBODY = 65534, MOST_MS = 20000 };
enum variant { ZERO, MINUS, BAD, GOOD, VARIANTS };

enum kind {
	NUMBER, FD, SOCKET, DIRFD, PATH, STRING, INPUT, POINTER, SIZE, SIGNAL, MODE, OWNER,
	ARGV, ENVP, OPAQUE, STREAM, TEMPLATE, RESULT, DIRECTORY, LIST, SELF, WIDE, FUNCTION,
};

enum result { EXACT, SIGN, ADDRESS, ANY };

struct testcase {
	const char *name, *version;
	const char *text;      /* what a string of its arguments says */
	long (*call)(void *function, const long *args);
	enum result result;
	int nargs;
	enum kind kinds[NARGS];
	bool skip[VARIANTS];
	bool returns_nothing;  /* so no rule fails it */
};

#include "cases.h"

/* What the child saw, for the parent to print: the child may not survive the call. */
struct seen {
	int returned;
	int err;
	long ret;
	char memory[NARGS][12];
};

static struct seen *seen;
static bool failing;  /* a rule fails every call: also fdopen and opendir */
static _Alignas(AREA) unsigned char areas[NARGS][AREA];

static void must(long result, const char *what)
{
	char text[64];

	if (result >= 0)
		return;
	int length = snprintf(text, sizeof(text), "driver: %s: %ld\n", what, result);

	sys3(__NR_write, 2, text, length);
	sys1(__NR_exit_group, 99);
}

/* ---- the world each call finds ---- */

static void make_files(int number)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", number);
	must(sys3(__NR_mkdirat, AT_FDCWD, name, 0700), "mkdir");
	must(sys1(__NR_chdir, name), "chdir");
	long fd = sys4(__NR_openat, AT_FDCWD, "file", O_RDWR | O_CREAT, 0600);

	must(sys3(__NR_write, fd, "what the file holds", 19), "write");
	must(sys3(__NR_lseek, fd, 0, SEEK_SET), "lseek");
	must(sys2(__NR_dup2, fd, FILE_FD), "dup2");
	sys1(__NR_close, fd);
}

static void make_sockets(void)
{
	int pair[2];

	must(sys4(__NR_socketpair, AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	must(sys2(__NR_dup2, pair[0], SOCKET_FD), "dup2");
	must(sys2(__NR_dup2, pair[1], PEER_FD), "dup2");
	sys1(__NR_close, pair[0]);
	sys1(__NR_close, pair[1]);
	must(sys3(__NR_write, PEER_FD, "sent", 4), "write");
}

/* What the call writes to its terminal or asks of it is no result. */
static void make_streams(void)
{
	long null = sys4(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);

	for (int fd = 0; fd <= 2; fd++)
		must(sys2(__NR_dup2, null, fd), "dup2");
}

static int nothing(void)
{
	return 0;
}

/* A va_list that is a pointer, as a function gets it. Nothing but zeros to fetch. */
static long no_more_arguments(void)
{
	static long zeros[64];
	static struct {
		unsigned int gp_offset, fp_offset;
		void *overflow, *saved;
	} list = { 48, 304, zeros, zeros };

	return (long)&list;
}

static bool first_path(const struct testcase *it, int i)
{
	while (i--)
		if (it->kinds[i] == PATH)
			return false;
	return true;
}

static long pointed(const struct testcase *it, int i)
{
	static char *argv[] = { "file", NULL };

	switch (it->kinds[i]) {
	case PATH: strcpy((char *)areas[i], first_path(it, i) ? "file" : "other"); break;
	case STRING: strcpy((char *)areas[i], it->text); break;
	case TEMPLATE: strcpy((char *)areas[i], "fileXXXXXX"); break;
	case WIDE: memcpy(areas[i], L"text", 5 * sizeof(wchar_t)); break;
	case INPUT: memset(areas[i], 'x', 16); break;
	case ARGV: memcpy(areas[i], argv, sizeof(argv)); break;
	default: break;
	}
	return (long)areas[i];
}

static long good(const struct testcase *it, int i)
{
	if (failing && (it->kinds[i] == STREAM || it->kinds[i] == DIRECTORY))
		return (long)areas[i];
	switch (it->kinds[i]) {
	case NUMBER: return 0;
	case FD: return FILE_FD;
	case SOCKET: return SOCKET_FD;
	case DIRFD: return AT_FDCWD;
	case SIZE: return 16;
	case SIGNAL: return SIGUSR1;
	case MODE: return 0600;
	case OWNER: return -1;
	case STREAM: return (long)fdopen(FILE_FD, "r+");
	case DIRECTORY: return (long)opendir(".");
	case LIST: return no_more_arguments();
	case SELF: return (long)pthread_self();
	case FUNCTION: return (long)nothing;
	default: return pointed(it, i);
	}
}

static bool points(enum kind kind)
{
	return kind == PATH || kind == STRING || kind == INPUT || kind == POINTER
		|| kind == ARGV || kind == ENVP || kind == OPAQUE || kind == STREAM
		|| kind == TEMPLATE || kind == RESULT || kind == DIRECTORY || kind == LIST
		|| kind == WIDE || kind == FUNCTION;
}

static long argument(const struct testcase *it, int i, enum variant variant)
{
	switch (variant) {
	case ZERO: return 0;
	case MINUS: return -1;
	case BAD: return points(it->kinds[i]) ? 8 : good(it, i);
	default: return good(it, i);
	}
}

/* ---- one call ---- */

static uint32_t hash(const unsigned char *area)
{
	uint32_t sum = 2166136261u;

	for (int i = 0; i < AREA; i++)
		sum = (sum ^ area[i]) * 16777619u;
	return sum;
}

/* What a struct holds differs from run to run; whether it was written does not. */
static void look(enum kind kind, const unsigned char *area, const unsigned char *before,
		 char *text)
{
	if (kind == OPAQUE || kind == TEMPLATE || kind == STREAM)
		strcpy(text, "?");
	else if (!memcmp(area, before, AREA))
		strcpy(text, "=");
	else if (kind == POINTER || kind == RESULT)
		strcpy(text, "written");
	else
		sprintf(text, "%x", hash(area));
}

static void child(const struct testcase *it, enum variant variant, int number)
{
	static unsigned char before[NARGS][AREA];
	void *function = dlvsym(RTLD_DEFAULT, it->name, it->version);
	long args[NARGS] = { 0 };

	must(function ? 0 : -ENOENT, it->name);
	/* Should the driver be killed, what waits for ever goes with it. */
	sys2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	sys0(__NR_setsid);
	make_files(number);
	make_sockets();
	make_streams();
	for (int i = 0; i < it->nargs; i++)
		args[i] = argument(it, i, variant);
	memcpy(before, areas, sizeof(areas));
	errno = UNTOUCHED;
	long ret = it->call(function, args);

	seen->err = errno;
	seen->ret = ret;
	seen->returned = 1;
	for (int i = 0; i < it->nargs; i++)
		look(it->kinds[i], areas[i], before[i], seen->memory[i]);
	sys1(__NR_exit_group, 0);
}

static const char *result(const struct testcase *it, char *room)
{
	if (it->result == ANY)
		strcpy(room, seen->ret == -1 ? "-1" : "any");
	else if (it->result == EXACT || seen->ret == 0 || seen->ret == -1)
		sprintf(room, "%ld", seen->ret);
	else
		strcpy(room, it->result == ADDRESS ? "address" : seen->ret < 0 ? "-" : "+");
	return room;
}

static void say(const struct testcase *it, enum variant variant, int status)
{
	static const char *const names[] = { "zero", "minus", "bad", "good" };
	char line[256], room[32];
	int n = snprintf(line, sizeof(line), "%s@%s %s status=%d", it->name, it->version,
			 names[variant], status);

	if (seen->returned) {
		n += snprintf(line + n, sizeof(line) - (size_t)n, " ret=%s errno=%d memory=",
			      result(it, room), seen->err);
		for (int i = 0; i < it->nargs; i++)
			n += snprintf(line + n, sizeof(line) - (size_t)n, "%s,",
				      seen->memory[i]);
	}
	line[n++] = '\n';
	must(sys3(__NR_write, 1, line, n), "write");
}

static int wait_for(long pid)
{
	struct pollfd end = { .fd = (int)sys2(__NR_pidfd_open, pid, 0), .events = POLLIN };
	int status = -1;

	must(end.fd, "pidfd_open");
	if (sys3(__NR_poll, &end, 1, MOST_MS) == 0)
		sys2(__NR_kill, pid, SIGKILL);
	must(sys4(__NR_wait4, pid, &status, 0, 0), "wait4");
	sys1(__NR_close, end.fd);
	return status;
}

static void run(const struct testcase *it, enum variant variant, int number)
{
	memset(seen, 0, sizeof(*seen));
	long pid = sys6(__NR_clone, SIGCHLD, 0, 0, 0, 0, 0);

	must(pid, "clone");
	if (!pid)
		child(it, variant, number);
	say(it, variant, wait_for(pid));
}

/* As root many of these calls would do what they say to the machine. */
static void drop_privileges(void)
{
	struct rlimit none = { 0, 0 };

	sys4(__NR_prlimit64, 0, RLIMIT_CORE, &none, 0);
	if (!sys0(__NR_geteuid)) {
		must(sys2(__NR_setgroups, 0, 0), "setgroups");
		must(sys3(__NR_setresgid, NOBODY, NOBODY, NOBODY), "setresgid");
		must(sys3(__NR_setresuid, NOBODY, NOBODY, NOBODY), "setresuid");
		sys2(__NR_prctl, PR_SET_DUMPABLE, 1);
	}
}

/* Any argument: also those cases that only a rule which fails them makes harmless. */
int main(int argc, char **argv)
{
	(void)argv;
	failing = argc > 1;
	drop_privileges();
	seen = (struct seen *)sys6(__NR_mmap, 0, sizeof(*seen), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < ncases; i++)
		for (int variant = 0; variant < VARIANTS; variant++)
			if ((failing && !cases[i].returns_nothing) || !cases[i].skip[variant])
				run(&cases[i], (enum variant)variant, i * VARIANTS + variant);
	return 0;
}
