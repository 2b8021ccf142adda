/* Makes the calls its arguments name, in their order: inline ones, and those libc makes
 * by itself. Prints what each returned: `read: 1` or `read: EINTR`. Some words end it. */
#include "inline.h"
#include "words.h"
#include <signal.h>
#include <spawn.h>

extern char **environ;

static volatile sig_atomic_t handled;
static char buf[64];
static int zero;

static long of_libc(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* A descriptor is given back: results are to be the same however many there are. */
static long opened(long fd)
{
	return fd < 0 ? fd : inline1(SYS_close, fd);
}

static long by_openat(void)
{
	return opened(inline3(SYS_openat, AT_FDCWD, "data", O_RDONLY));
}

static long by_libc_openat(void)
{
	return opened(of_libc(open("data", O_RDONLY)));
}

static long by_read(void)
{
	return inline3(SYS_read, zero, buf, 8);
}

static long by_read_bad(void)
{
	return inline3(SYS_read, zero, 8, 8);
}

static long by_write(void)
{
	return inline3(SYS_write, zero, buf, 8);
}

static long by_getppid(void)
{
	long pid = inline0(SYS_getppid);

	return pid == getppid() ? 0 : pid;
}

static long by_libc_getppid(void)
{
	return of_libc(getppid()) < 0 ? -errno : 0;
}

static long by_syscall(void)
{
	return of_libc(syscall(SYS_read, zero, buf, 4));
}

static long by_nanosleep(void)
{
	return of_libc(nanosleep(&(struct timespec){ 0, 1 }, NULL));
}

static long by_clock_nanosleep(void)
{
	return -clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, 1 }, NULL);
}

static void show(FILE *file)
{
	char line[64] = "";

	if (file && fgets(line, sizeof(line), file))
		printf("%.*s: ", (int)strcspn(line, "\n"), line);
	if (file)
		fclose(file);
}

/* What it found there is shown as well. */
static long by_fopen(void)
{
	FILE *file = fopen("data", "re");

	show(file);
	return file ? 0 : -errno;
}

static long by_descriptor(void)
{
	long fd = inline3(SYS_openat, AT_FDCWD, "data", O_RDONLY);

	if (fd >= 0)
		show(fdopen((int)fd, "r"));
	return fd < 0 ? fd : 0;
}

static long by_realpath(void)
{
	char *path = realpath("data", NULL);

	printf("%s: ", path ? strrchr(path, '/') + 1 : "none");
	free(path);
	return 0;
}

/* ---- words on the process ---- */

static void handler(int number)
{
	handled += number == SIGUSR1;
}

static long by_handler(void)
{
	return signal(SIGUSR1, handler) == SIG_ERR;
}

static long by_handled(void)
{
	return handled;
}

static long by_raise(void)
{
	return raise(SIGUSR1);
}

/* What is before it is of no interest to whoever compares traces. */
static long by_mark(void)
{
	return of_libc(access("/", X_OK));
}

static long by_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		getppid();
		_exit(3);
	}
	return wait_for(pid);
}

static long by_inline_fork(void)
{
	long pid = inline0(SYS_fork);

	if (!pid)
		inline1(SYS_exit_group, 4);
	return pid < 0 ? pid : wait_for((pid_t)pid);
}

static long by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(5);
	return wait_for(pid);
}

static long by_spawn(void)
{
	char *args[] = { "no", NULL };
	pid_t pid;

	return -posix_spawn(&pid, "/bin/no-such-program", NULL, NULL, args, environ);
}

static long by_abort(void)
{
	abort();
}

static long by_leave(void)
{
	_exit(6);
}

static long by_exit(void)
{
	exit(7);
}

static long by_die(void)
{
	return raise(SIGTERM);
}

/* Left in the buffer until the end. */
static long by_late(void)
{
	CHECK(setvbuf(stdout, NULL, _IOFBF, 4096) == 0);
	return 0;
}

static const struct word words[] = {
	{ "openat", by_openat },
	{ "libc_openat", by_libc_openat },
	{ "read", by_read },
	{ "read_bad", by_read_bad },
	{ "write", by_write },
	{ "getppid", by_getppid },
	{ "libc_getppid", by_libc_getppid },
	{ "syscall", by_syscall },
	{ "nanosleep", by_nanosleep },
	{ "clock_nanosleep", by_clock_nanosleep },
	{ "fopen", by_fopen },
	{ "descriptor", by_descriptor },
	{ "realpath", by_realpath },
	{ "handler", by_handler },
	{ "handled", by_handled },
	{ "raise", by_raise },
	{ "start", by_start },
	{ "slow", by_slow },
	{ "mark", by_mark },
	{ "fork", by_fork },
	{ "inline_fork", by_inline_fork },
	{ "vfork", by_vfork },
	{ "spawn", by_spawn },
	{ "abort", by_abort },
	{ "leave", by_leave },
	{ "exit", by_exit },
	{ "die", by_die },
	{ "late", by_late },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 4096);
	CHECK((zero = open("/dev/zero", O_RDWR)) >= 0);
	for (int i = 1; i < argc; i++)
		told(argv[i], make_word(words, argv[i]));
	return passed();
}
