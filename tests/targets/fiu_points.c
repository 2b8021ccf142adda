/*
 * Makes each call that is named, three times, and says what came of it: by a syscall of
 * its own, which no preloaded library can fail. In a folder it may write to.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char page[4096] __attribute__((aligned(4096)));
static char text[] = "0123456789";
static int file, folder, ends[2];
static FILE *stream, *out;

/* syscall(3) is a function that can be wrapped, too. */
static long bare(long number, long a, const void *b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall" : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static void say(const char *name, long value, int error)
{
	char line[99];
	int size = snprintf(line, sizeof(line), "%s %ld %d\n", name, value, error);

	bare(SYS_write, 1, line, size, 0);
}

static void to_start(void)
{
	bare(SYS_lseek, file, NULL, SEEK_SET, 0);
}

static struct iovec one(void)
{
	return (struct iovec){ text, 6 };
}

#define STEP(name, expression) \
	static long do_##name(void) { return (long)(expression); }
#define POINTER(name, expression) \
	static long do_##name(void) { return (expression) != NULL; }

STEP(open, open("data", O_RDONLY) >= 0 ? 1 : -1)
STEP(open64, open64("data", O_RDONLY) >= 0 ? 1 : -1)
STEP(close, close(dup(file)))
STEP(read, (to_start(), read(file, text, 6)))
STEP(pread, pread(file, text, 6, 0))
STEP(pread64, pread64(file, text, 6, 0))
STEP(write, write(file, text, 6))
STEP(pwrite, pwrite(file, text, 6, 0))
STEP(fsync, fsync(file))
STEP(fdatasync, fdatasync(file))
STEP(truncate, truncate("data", 10))
STEP(ftruncate, ftruncate(file, 10))
STEP(unlink, unlink("none"))
STEP(rename, rename("none", "other"))
POINTER(opendir, opendir("."))
POINTER(fdopendir, fdopendir(dup(folder)))
STEP(closedir, closedir(fdopendir(dup(folder))))
STEP(socket, socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 1 : -1)
STEP(listen, listen(file, 1))
STEP(accept, accept(file, NULL, NULL))
STEP(connect, connect(file, (void *)page, 2))
STEP(bind, bind(file, (void *)page, 2))
STEP(send, send(ends[0], text, 6, 0))
STEP(sendto, sendto(ends[0], text, 6, 0, NULL, 0))
STEP(recv, recv(ends[0], text, 6, MSG_DONTWAIT))
STEP(recvfrom, recvfrom(ends[0], text, 6, MSG_DONTWAIT, NULL, NULL))
STEP(shutdown, shutdown(file, SHUT_RD))
STEP(poll, poll(NULL, 0, 0))
STEP(select, select(0, NULL, NULL, NULL, &(struct timeval){ 0, 0 }))
STEP(mmap, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
STEP(msync, msync(page, 4096, MS_ASYNC))
STEP(mprotect, mprotect(page, 4096, PROT_READ | PROT_WRITE))
STEP(madvise, madvise(page, 4096, MADV_NORMAL))
STEP(mlock, mlock(page, 4096))
STEP(munlock, munlock(page, 4096))
STEP(wait, wait(NULL))
STEP(waitpid, waitpid(-1, NULL, WNOHANG))
STEP(kill, kill(getpid(), 0))
STEP(sigaction, sigaction(SIGUSR1, NULL, NULL))
STEP(signal, signal(SIGUSR2, SIG_IGN) == SIG_ERR)
POINTER(fopen, fopen("data", "r"))
POINTER(fdopen, fdopen(dup(file), "r"))
STEP(fread, (rewind(stream), fread(text, 1, 6, stream) * 10 + !!ferror(stream)))
STEP(fwrite, fwrite(text, 1, 6, out) * 10 + !!ferror(out))
STEP(fgetc, (rewind(stream), fgetc(stream)))
POINTER(fgets, (rewind(stream), fgets(text, 5, stream)))
STEP(fputc, fputc('x', out))
STEP(fputs, fputs("x", out) < 0 ? -1 : 1)
STEP(fflush, fflush(out))
STEP(fseek, fseek(stream, 0, SEEK_SET))
STEP(ftell, (rewind(stream), ftell(stream)))
STEP(fprintf, fprintf(out, "%d", 7))
STEP(remove, remove("none"))
POINTER(malloc, malloc(5000))
POINTER(calloc, calloc(5, 1000))
POINTER(realloc, realloc(NULL, 5000))
POINTER(strdup, strdup(text))
POINTER(strndup, strndup(text, 5))
STEP(sync_file_range, sync_file_range(file, 0, 1, 0))

static long do_readv(void)
{
	struct iovec parts = one();

	to_start();
	return readv(file, &parts, 1);
}

static long do_writev(void)
{
	struct iovec parts = one();

	return writev(file, &parts, 1);
}

static long do_fork(void)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	return child > 0 ? 1 : -1;
}

/* Exported, for libfiu looks it up by dlsym(3). */
long do_chosen(void);

long do_chosen(void)
{
	to_start();
	return read(file, text, 6);
}

static const struct step {
	const char *name;
	long (*make)(void);
} steps[] = {
#define NAMED(name) { #name, do_##name },
	NAMED(open) NAMED(open64) NAMED(close) NAMED(read) NAMED(pread) NAMED(pread64)
	NAMED(write) NAMED(pwrite) NAMED(readv) NAMED(writev) NAMED(fsync) NAMED(fdatasync)
	NAMED(truncate) NAMED(ftruncate) NAMED(unlink) NAMED(rename) NAMED(opendir)
	NAMED(fdopendir) NAMED(closedir) NAMED(socket) NAMED(listen) NAMED(accept)
	NAMED(connect) NAMED(bind) NAMED(send) NAMED(sendto) NAMED(recv) NAMED(recvfrom)
	NAMED(shutdown) NAMED(poll) NAMED(select) NAMED(mmap) NAMED(msync) NAMED(mprotect)
	NAMED(madvise) NAMED(mlock) NAMED(munlock) NAMED(fork) NAMED(wait) NAMED(waitpid)
	NAMED(kill) NAMED(sigaction) NAMED(signal) NAMED(fopen) NAMED(fdopen) NAMED(fread)
	NAMED(fwrite) NAMED(fgetc) NAMED(fgets) NAMED(fputc) NAMED(fputs) NAMED(fflush)
	NAMED(fseek) NAMED(ftell) NAMED(fprintf) NAMED(remove) NAMED(sync_file_range)
	NAMED(malloc) NAMED(calloc) NAMED(realloc) NAMED(strdup) NAMED(strndup) NAMED(chosen)
};

static void take(const struct step *step)
{
	for (int i = 0; i < 3; i++) {
		errno = 0;
		long value = step->make();

		say(step->name, value, errno);
	}
}

/* What is needed is opened by syscalls, too; only the streams can't be. */
static int prepare(void)
{
	file = (int)bare(SYS_openat, AT_FDCWD, "data", O_RDWR | O_CREAT, 0600);
	folder = (int)bare(SYS_openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0);
	if (file < 0 || folder < 0)
		return -1;
	bare(SYS_pwrite64, file, "abcdefghij", 10, 0);
	bare(SYS_socketpair, AF_UNIX, (void *)SOCK_STREAM, 0, (long)ends);
	stream = fopen("data", "r");
	out = fopen("/dev/null", "w");
	return 0;
}

int main(int argc, char **argv)
{
	if (prepare())
		return 2;
	for (int i = 1; i < argc; i++)
		for (size_t at = 0; at < sizeof(steps) / sizeof(*steps); at++)
			if (!strcmp(argv[i], steps[at].name))
				take(&steps[at]);
	return 0;
}
