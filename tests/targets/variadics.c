/* Calls with an optional argument, given as an int, as a pointer, and not at all. */
#include "target.h"
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <termios.h>

static void try_fcntl(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 7 };
	int fd = memfd_create("variadics", 0);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 100);

	CHECK(copy >= 100 && fcntl(copy, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(copy, F_SETFD, 0) == 0 && fcntl(copy, F_GETFD) == 0);
	CHECK(fcntl64(copy, F_SETFL, O_APPEND | O_NONBLOCK) == 0);
	CHECK((fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK));
	CHECK(fcntl(fd, F_SETLK, &lock) == 0 && fcntl(fd, F_GETLK, &lock) == 0);
	CHECK(lock.l_type == F_UNLCK && lock.l_len == 7);
	CHECK(fcntl(-1, F_GETFD) == -1 && errno == EBADF);
	puts("fcntl");
}

static void try_ioctl(void)
{
	int pair[2], waiting = 0, on = 1;

	CHECK(pipe(pair) == 0 && write(pair[1], "four", 4) == 4);
	CHECK(ioctl(pair[0], FIONREAD, &waiting) == 0 && waiting == 4);
	CHECK(ioctl(pair[0], FIOCLEX) == 0 && fcntl(pair[0], F_GETFD) == FD_CLOEXEC);
	CHECK(ioctl(pair[0], FIONBIO, &on) == 0);
	CHECK(ioctl(pair[0], TCFLSH, TCIOFLUSH) == -1 && errno == ENOTTY);
	puts("ioctl");
}

static void try_mremap(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *away;

	CHECK(map != MAP_FAILED && (*map = 'x'));
	away = map + 2 * page;
	CHECK(mremap(map, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, away) == away);
	CHECK(*away == 'x');
	away = mremap(away, page, 16 * page, MREMAP_MAYMOVE);
	CHECK(away != MAP_FAILED && *away == 'x');
	puts("mremap");
}

static void try_prctl(void)
{
	char name[16] = "";

	CHECK(prctl(PR_SET_NAME, "variadic") == 0);
	CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "variadic") == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && prctl(PR_GET_DUMPABLE) == 1);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1) == -1 && errno == EINVAL);
	puts("prctl");
}

static void try_semctl(void)
{
	union { int val; struct semid_ds *buf; } arg = { .val = 42 };
	int id = semget(IPC_PRIVATE, 1, 0600);
	struct semid_ds state = { 0 };

	if (id >= 0) {
		int set = semctl(id, 0, SETVAL, arg), got = semctl(id, 0, GETVAL);
		int stat = semctl(id, 0, IPC_STAT, (arg.buf = &state, arg));

		CHECK(semctl(id, 0, IPC_RMID) == 0);
		CHECK(set == 0 && got == 42 && stat == 0 && state.sem_nsems == 1);
	}
	puts("semctl");
}

static void try_syscall(void)
{
	CHECK(syscall(SYS_getpid) == getpid());
	CHECK(syscall(SYS_mmap, NULL, 1, PROT_READ, MAP_PRIVATE, -1, 4096) == -1 &&
	      errno == EBADF);
	puts("syscall");
}

int main(void)
{
	try_fcntl();
	try_ioctl();
	try_mremap();
	try_prctl();
	try_semctl();
	try_syscall();
	return passed();
}
