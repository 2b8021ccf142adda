/* Makes the calls its arguments name, in their order, each from one place, and prints what
 * each returned. Some words are about the process: see the table at the end. */
#include "target.h"
#include "words.h"
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int zero, spare = -1, pipes[2];
static volatile sig_atomic_t handled;
static char **rest; /* the words still to come */
static const struct timespec instant = { 0, 1 };

/* The compiler knows its size, so that _FORTIFY_SOURCE has something to check. */
static char buf[64];
static struct pollfd polled[2];

/* What only the compiler does not know: with _FORTIFY_SOURCE it then takes the names
 * that check sizes and flags. */
static volatile int one = 1, none, flags = O_RDWR;

/* Calls of our own, which are to be nobody's. */
static long raw(long number, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

static long keep(int fd)
{
	if (fd >= 0 && spare >= 0)
		raw(SYS_close, spare, 0, 0);
	spare = fd >= 0 ? fd : spare;
	return fd < 0 ? -1 : 0;
}

static long by_open(void) { return keep(open("/dev/null", flags)); }
static long by_open64(void) { return keep(open64("/dev/null", flags)); }
static long by_openat(void) { return keep(openat(AT_FDCWD, "/dev/null", flags)); }
static long by_open_zero(void) { return keep(open("/dev/zero", O_RDONLY)); }
static long by_open_self(void) { return keep(open("/proc/self/exe", O_RDONLY)); }
static long by_read(void) { return read(zero, buf, one); }
static long by_write(void) { return write(spare, buf, 1); }
static long by_close(void) { return close(spare); }
static long by_getppid(void)
{
	long ret = getppid();

	return ret > 0 ? 0 : ret;
}
static long by_poll(void) { return poll(polled, none, 0); }
static long by_nanosleep(void) { return nanosleep(&instant, NULL); }
static long by_getcwd(void) { return getcwd(buf, 1) ? 0 : -1; }
static long by_syscall_read(void) { return syscall(SYS_read, zero, buf, 1); }
static long by_syscall_openat(void)
{
	return keep(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR));
}

static long by_mmap(void)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : 0;
}

static long by_read_file(void)
{
	int fd = raw(SYS_open, (long)"/proc/self/exe", O_RDONLY, 0);
	long got = read(fd, buf, 1);

	raw(SYS_close, fd, 0, 0);
	return got;
}

static long by_read_pipe(void)
{
	CHECK(pipes[1] || pipe(pipes) == 0);
	CHECK(raw(SYS_write, pipes[1], (long)"x", 1) == 1);
	return read(pipes[0], buf, 1);
}

/* Those that return the errno itself must leave errno alone. */
static long numbered(int error)
{
	CHECK(errno == ENOTTY);
	errno = error;
	return error ? -1 : 0;
}

static long by_posix_fallocate(void) { return numbered(posix_fallocate(zero, 0, 0)); }
static long by_clock_nanosleep(void)
{
	return numbered(clock_nanosleep(CLOCK_MONOTONIC, 0, &instant, NULL));
}

/* How many are open. */
static long by_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -1; /* the one of dir itself */

	CHECK(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void handle(int signo)
{
	(void)signo;
	handled++;
}

static long handler(int flags)
{
	struct sigaction act = { .sa_handler = handle, .sa_flags = flags };

	return sigaction(SIGUSR1, &act, NULL);
}

static long by_handler(void) { return handler(0); }
static long by_handler_restart(void) { return handler(SA_RESTART); }
static long by_handled(void) { return handled; }

/* The child makes the calls to come; so does the parent, once the child has ended. */
static long by_fork(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		CHECK(wait_for(pid) == 0);
	return pid > 0;
}

static long by_exec(void)
{
	char *args[100] = { "calls_by_name" };

	for (int i = 0; rest[i]; i++)
		args[i + 1] = rest[i];
	*rest = NULL;
	return execv("/proc/self/exe", args);
}

static long by_leave(void) { _exit(3); }
static long by_kill(void) { return kill(getpid(), SIGKILL); }

static const struct word words[] = {
#define WORD(name) { #name, by_##name }
	WORD(open), WORD(open64), WORD(openat), WORD(open_zero), WORD(open_self),
	WORD(read), WORD(write), WORD(close), WORD(getppid), WORD(poll), WORD(nanosleep),
	WORD(getcwd), WORD(syscall_read), WORD(syscall_openat), WORD(mmap),
	WORD(read_file), WORD(read_pipe), WORD(posix_fallocate), WORD(clock_nanosleep),
	WORD(fds), WORD(handler), WORD(handler_restart), WORD(handled), WORD(fork),
	WORD(exec), WORD(leave), WORD(kill), WORD(start), WORD(slow),
};

int main(int argc, char **argv)
{
	(void)argc;
	setvbuf(stdout, NULL, _IONBF, 0);
	zero = raw(SYS_open, (long)"/dev/zero", O_RDONLY, 0);
	for (rest = argv + 1; *rest;) {
		const char *name = *rest++;

		errno = ENOTTY;
		word_returned(name, make_word(words, name));
	}
	return passed();
}
