/* What makes a condition real, and what both runs need: handlers. */
#include <grp.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/uio.h>

/* The soft limit only: nothing is to be lost that the end needs. */
static long limit(int which, long soft)
{
	struct rlimit room;

	CHECK(getrlimit(which, &room) == 0);
	room.rlim_cur = (rlim_t)soft;
	return setrlimit(which, &room);
}

WORD(nofile)
{
	return limit(RLIMIT_NOFILE, lowest + a[0]);
}

WORD(fsize)
{
	return limit(RLIMIT_FSIZE, a[0] < 0 ? (long)RLIM_INFINITY : a[0]);
}

/* Above what is mapped now, in bytes. */
WORD(more_memory)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long pages;

	CHECK(statm && fscanf(statm, "%ld", &pages) == 1 && fclose(statm) == 0);
	return limit(RLIMIT_AS, pages * 4096 + a[0]);
}

/* As a user who has no other process: the limit does not hold for root. */
WORD(nproc)
{
	if (setgroups(0, NULL) < 0 || setresuid(54321, 54321, 54321) < 0)
		return -1;
	return limit(RLIMIT_NPROC, a[0]);
}

/* Takes all of a small tmpfs but so many bytes. */
WORD(fill)
{
	int fd = open("filler", O_WRONLY | O_CREAT, 0600);
	long count, all = 0;

	while ((count = write(fd, data, 4096)) > 0)
		all += count;
	return errno == ENOSPC ? ftruncate(fd, all - a[0]) | close(fd) : -1;
}

/* Of the namespace's own mount, which tests/fidelity made. */
WORD(readonly)
{
	return mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

/* A folder of the namespace's that is another file system. */
WORD(mount_at)
{
	return mount("fidelity", TEXT_OF(a[0]), "tmpfs", 0, "size=64k");
}

/* In the namespace, `with` for the file of that name. */
static long hide(const char *name, const char *with)
{
	int fd = open("filler", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(write(fd, with, strlen(with)) == (ssize_t)strlen(with) && close(fd) == 0);
	if (mount("filler", name, NULL, MS_BIND, NULL) < 0)
		return -1;
	return unlink("filler");
}

/* Names are asked of a server that nobody can reach. */
WORD(no_names)
{
	return hide("/etc/hosts", "\n") | hide("/etc/nsswitch.conf", "hosts: files dns\n")
		| hide("/etc/resolv.conf", "nameserver 127.0.0.1\noptions attempts:1\n");
}

/* So many bytes that nobody counts, in front of what counts; out again. */
WORD(pad)
{
	return writev((int)a[0], &(struct iovec){ data, (size_t)a[1] }, 1) == a[1] ? 0 : -1;
}

WORD(unpad)
{
	return readv((int)a[0], &(struct iovec){ got, (size_t)a[1] }, 1) == a[1] ? 0 : -1;
}

/* Until no more goes in, by calls that no case of such a descriptor is about. */
WORD(stuff)
{
	int flags = fcntl((int)a[0], F_GETFL);

	CHECK(fcntl((int)a[0], F_SETFL, flags | O_NONBLOCK) == 0);
	while (writev((int)a[0], &(struct iovec){ data, 4096 }, 1) > 0)
		;
	return errno == EAGAIN ? fcntl((int)a[0], F_SETFL, flags) : -1;
}

WORD(drain)
{
	int flags = fcntl((int)a[0], F_GETFL);

	CHECK(fcntl((int)a[0], F_SETFL, flags | O_NONBLOCK) == 0);
	while (readv((int)a[0], &(struct iovec){ got, DATA }, 1) > 0)
		;
	return !errno || errno == EAGAIN ? fcntl((int)a[0], F_SETFL, flags) : -1;
}

/* Somebody else has it, too: above what is told of at the end. */
WORD(hold)
{
	return fcntl((int)a[0], F_DUPFD, lowest + TOLD);
}

static void count_signal(int signo)
{
	(void)signo;
	shared->handled++;
}

WORD(handler)
{
	struct sigaction act = { .sa_handler = count_signal, .sa_flags = (int)a[1] };

	return sigaction((int)a[0], &act, NULL);
}

WORD(ignore)
{
	return signal((int)a[0], SIG_IGN) == SIG_ERR ? -1 : 0;
}

WORD(block)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, (int)a[0]);
	return sigprocmask(SIG_BLOCK, &set, NULL);
}

#define WORDS_OF_CONDITIONS                                                         \
	{ "nofile", do_nofile, NUMBER }, { "fsize", do_fsize, NUMBER },             \
	{ "more_memory", do_more_memory, NUMBER }, { "nproc", do_nproc, NUMBER },   \
	{ "fill", do_fill, NUMBER }, { "readonly", do_readonly, NUMBER }, { "handler", do_handler, NUMBER },             \
	{ "ignore", do_ignore, NUMBER }, { "block", do_block, NUMBER },            \
	{ "mount_at", do_mount_at, NUMBER }, { "no_names", do_no_names, NUMBER },   \
	{ "pad", do_pad, NUMBER }, { "unpad", do_unpad, NUMBER },                   \
	{ "stuff", do_stuff, NUMBER }, { "drain", do_drain, NUMBER },               \
	{ "hold", do_hold, NUMBER }
