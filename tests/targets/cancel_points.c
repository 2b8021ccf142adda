/* pthread_cancel of a thread that is blocked in a call, and of one that goes into it with
 * a cancellation pending: each of these calls must end the thread there, run its cleanup
 * handler and leave nothing locked. By name, so that each name's own way is taken.
 *
 * Says `NAME: blocked, pending` or, of a call that can't be made to wait, `NAME: pending`.
 * Arguments are the names to try; default: all. */
#include "target.h"
#include <aio.h>
#include <dlfcn.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <threads.h>
#include <time.h>

typedef long function(long, ...);

/* LOCK: by the caller, as pthread_cond_wait wants it. FUTEX: that is what it waits in. */
enum { PENDING = 0, BLOCKS = 1, LOCK = 2, FUTEX = 4 };

struct point {
	const char *names;
	int how;
	long args[6];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic pid_t tid;
static int cleaned;

struct attempt {
	const struct point *point;
	function *call;
	bool pending;
};

static void cleanup(void *attempt)
{
	cleaned++;
	if (((struct attempt *)attempt)->point->how & LOCK)
		CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void *into_it(void *arg)
{
	struct attempt *attempt = arg;
	const long *a = attempt->point->args;

	pthread_cleanup_push(cleanup, attempt);
	if (attempt->point->how & LOCK)
		CHECK(pthread_mutex_lock(&mutex) == 0);
	if (attempt->pending)
		CHECK(pthread_cancel(pthread_self()) == 0);
	tid = gettid();
	errno = (int)attempt->call(a[0], a[1], a[2], a[3], a[4], a[5], 0L);
	pthread_cleanup_pop(0);
	return attempt;
}

/* proc(5): "running", or the number of the syscall it sleeps in. */
static void wait_till_blocked(int how)
{
	char path[64];
	int number = -1;

	while (!tid)
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	do {
		int fd = open(path, O_RDONLY);
		char text[128] = "";

		CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 && close(fd) == 0);
		if (sscanf(text, "%d", &number) != 1)
			number = -1;
	} while (number < 0 || (number == SYS_futex) != !!(how & FUTEX));
}

static bool cancelled(const struct point *point, function *call, bool pending)
{
	struct attempt attempt = { point, call, pending };
	int before = cleaned;
	pthread_t thread;
	void *result;

	tid = 0;
	CHECK(pthread_create(&thread, NULL, into_it, &attempt) == 0);
	if (!pending) {
		wait_till_blocked(point->how);
		CHECK(pthread_cancel(thread) == 0);
	}
	CHECK(pthread_join(thread, &result) == 0);
	return result == PTHREAD_CANCELED && cleaned == before + 1;
}

static void try(const struct point *point, const char *name)
{
	function *call = (function *)dlsym(RTLD_DEFAULT, name);

	if (!call) {
		printf("%s: not here\n", name);
		return;
	}
	printf("%s:", name);
	if (point->how & BLOCKS)
		printf(" %s,", cancelled(point, call, false) ? "blocked" : "RETURNED");
	printf(" %s\n", cancelled(point, call, true) ? "pending" : "RETURNED");
	fflush(stdout);
}

static bool wanted(const char *name, char **names)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static void try_all(const struct point *point, char **names)
{
	char list[256], *rest = list, *name;

	strcpy(list, point->names);
	while ((name = strsep(&rest, " ")))
		if (!*names || wanted(name, names))
			try(point, name);
}

/* ---- what they wait for ---- */

static char space[65536];

static int full_pipe(void)
{
	int ends[2];

	CHECK(pipe2(ends, O_NONBLOCK) == 0);
	while (write(ends[1], space, sizeof(space)) > 0)
		;
	CHECK(fcntl(ends[1], F_SETFL, 0) == 0);
	return ends[1];
}

static int full_socket(void)
{
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	while (send(ends[0], space, sizeof(space), MSG_DONTWAIT) > 0)
		;
	return ends[0];
}

static int listening(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(at.sun_path, path);
	CHECK(fd >= 0 && bind(fd, (void *)&at, sizeof(at)) == 0 && listen(fd, 0) == 0);
	return fd;
}

/* Its queue holds one that nobody accepts: the next has to wait. */
static struct sockaddr_un busy = { AF_UNIX, "busy" };

static void fill_queue(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	listening("busy");
	CHECK(fd >= 0 && connect(fd, (void *)&busy, sizeof(busy)) == 0);
}

/* A child that holds the lock on the file `locked`, and lives. */
static pid_t holder(int *file)
{
	int ready[2];
	char byte;
	pid_t pid;

	*file = open("locked", O_RDWR | O_CREAT, 0600);
	CHECK(*file >= 0 && pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		CHECK(lockf(*file, F_LOCK, 0) == 0 && write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	CHECK(pid > 0 && read(ready[0], &byte, 1) == 1);
	return pid;
}

static mqd_t queue(bool fill)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 16 };
	mqd_t made;
	char name[32];

	snprintf(name, sizeof(name), "/cancel-%d-%d", getpid(), fill);
	made = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (made >= 0)
		CHECK(mq_unlink(name) == 0);
	if (made >= 0 && fill)
		CHECK(mq_send(made, "x", 1, 0) == 0);
	return made;
}

static int messages(bool fill)
{
	struct { long type; char text[8192]; } message = { 1, "" };
	int id = msgget(IPC_PRIVATE, 0600);

	CHECK(id >= 0);
	while (fill && msgsnd(id, &message, sizeof(message.text), IPC_NOWAIT) == 0)
		;
	return id;
}

static void *for_ever(void *arg)
{
	while (!arg || *(int *)arg)
		pause();
	return arg;
}

#define P(...) (long)(__VA_ARGS__)
#define AT(at) P(&(at))

int main(int argc, char **argv)
{
	char byte, *line = NULL;
	size_t size = 0;
	loff_t zero = 0;
	int ends[2], pair[2], file, set = epoll_create1(0), listener = listening("quiet");
	pid_t child = holder(&file);
	int none = messages(false), full = messages(true), sock = socket(AF_UNIX, SOCK_STREAM, 0);
	mqd_t empty_queue = queue(false), full_queue = queue(true);
	int empty_event = eventfd(0, 0), full_event = eventfd(0, 0);
	int stuffed = full_pipe(), clogged = full_socket(), memory = memfd_create("file", 0);
	struct iovec vec = { space, 16 };
	struct msghdr header = { .msg_iov = &vec, .msg_iovlen = 1 };
	struct mmsghdr headers = { .msg_hdr = header };
	struct epoll_event event;
	struct timespec long_time = { 1000, 0 }, far = { 1L << 33, 0 };
	struct flock lock = { .l_type = F_WRLCK };
	sigset_t usr2, nothing;
	fd_set fds;
	siginfo_t info;
	sem_t semaphore;
	pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
	pthread_t endless;
	FILE *from, *to;
	struct aiocb request = { .aio_buf = &byte, .aio_nbytes = 1 };
	const struct aiocb *requests[] = { &request };

	(void)argc;
	alarm(60);
	setvbuf(stdout, NULL, _IOFBF, 4096);
	CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(mkfifo("fifo", 0600) == 0 && ftruncate(memory, 4096) == 0);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memory, 0);
	struct pollfd one = { .fd = ends[0], .events = POLLIN };

	fill_queue();
	CHECK(eventfd_write(full_event, ~1ull) == 0 && sem_init(&semaphore, 0, 0) == 0);
	CHECK(pthread_create(&endless, NULL, for_ever, NULL) == 0);
	sigemptyset(&nothing);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	CHECK(pthread_sigmask(SIG_BLOCK, &usr2, NULL) == 0);
	FD_ZERO(&fds);
	FD_SET(ends[0], &fds);
	from = fdopen(dup(ends[0]), "r");
	to = fdopen(dup(stuffed), "w");
	setvbuf(to, NULL, _IONBF, 0);
	request.aio_fildes = ends[0];
	CHECK(aio_read(&request) == 0);

	const struct point points[] = {
		{ "read __read", BLOCKS, { ends[0], P(space), 1 } },
		{ "__read_chk", BLOCKS, { ends[0], P(space), 1, 16 } },
		{ "readv", BLOCKS, { ends[0], AT(vec), 1 } },
		{ "preadv2 preadv64v2", BLOCKS, { ends[0], AT(vec), 1, -1, 0 } },
		{ "pread pread64 __pread64", PENDING, { memory, P(space), 1, 0 } },
		{ "__pread_chk __pread64_chk", PENDING, { memory, P(space), 1, 0, 16 } },
		{ "preadv preadv64", PENDING, { memory, AT(vec), 1, 0 } },
		{ "write __write", BLOCKS, { stuffed, P(space), 1 } },
		{ "writev", BLOCKS, { stuffed, AT(vec), 1 } },
		{ "pwritev2 pwritev64v2", BLOCKS, { stuffed, AT(vec), 1, -1, 0 } },
		{ "pwrite pwrite64 __pwrite64", PENDING, { memory, P(space), 1, 0 } },
		{ "pwritev pwritev64", PENDING, { memory, AT(vec), 1, 0 } },
		{ "copy_file_range", PENDING, { memory, AT(zero), memory, AT(zero), 0 } },
		{ "splice", BLOCKS, { ends[0], 0, memory, 0, 16, 0 } },
		{ "tee", BLOCKS, { ends[0], stuffed, 16, 0 } },
		{ "vmsplice", BLOCKS, { stuffed, AT(vec), 1, 0 } },
		{ "eventfd_read", BLOCKS, { empty_event, P(space) } },
		{ "eventfd_write", BLOCKS, { full_event, 1 } },
		{ "open open64 __open __open64", BLOCKS, { P("fifo"), O_RDONLY } },
		{ "__open_2 __open64_2", BLOCKS, { P("fifo"), O_RDONLY } },
		{ "openat openat64", BLOCKS, { AT_FDCWD, P("fifo"), O_RDONLY } },
		{ "__openat_2 __openat64_2", BLOCKS, { AT_FDCWD, P("fifo"), O_RDONLY } },
		{ "creat creat64", BLOCKS, { P("fifo"), 0600 } },
		{ "open_by_handle_at", PENDING, { -1, P(space), O_RDONLY } },
		{ "posix_openpt getpt", PENDING, { O_RDWR } },
		{ "close __close", PENDING, { -1 } },
		{ "fcntl fcntl64 __fcntl", BLOCKS, { file, F_SETLKW, AT(lock) } },
		{ "lockf lockf64", BLOCKS, { file, F_LOCK, 0 } },
		{ "fsync fdatasync", PENDING, { memory } },
		{ "sync_file_range", PENDING, { memory, 0, 0, 0 } },
		{ "fallocate fallocate64", PENDING, { memory, 0, 0, 1 } },
		{ "msync", PENDING, { P(map), 4096, MS_SYNC } },
		{ "tcdrain", PENDING, { -1 } },
		{ "epoll_wait", BLOCKS, { set, AT(event), 1, -1 } },
		{ "epoll_pwait", BLOCKS, { set, AT(event), 1, -1, 0 } },
		{ "epoll_pwait2", BLOCKS, { set, AT(event), 1, 0, 0 } },
		{ "poll __poll", BLOCKS, { AT(one), 1, -1 } },
		{ "__poll_chk", BLOCKS, { AT(one), 1, -1, sizeof(one) } },
		{ "ppoll", BLOCKS, { AT(one), 1, 0, 0 } },
		{ "__ppoll_chk", BLOCKS, { AT(one), 1, 0, 0, sizeof(one) } },
		{ "select __select pselect", BLOCKS, { ends[0] + 1, AT(fds), 0, 0, 0, 0 } },
		{ "connect __connect", BLOCKS, { sock, AT(busy), sizeof(busy) } },
		{ "accept accept4", BLOCKS, { listener, 0, 0, 0 } },
		{ "send __send", BLOCKS, { clogged, P(space), 16, 0 } },
		{ "sendto", BLOCKS, { clogged, P(space), 16, 0, 0, 0 } },
		{ "sendmsg", BLOCKS, { clogged, AT(header), 0 } },
		{ "sendmmsg", BLOCKS, { clogged, AT(headers), 1, 0 } },
		{ "recv", BLOCKS, { pair[0], P(space), 16, 0 } },
		{ "__recv_chk", BLOCKS, { pair[0], P(space), 16, 16, 0 } },
		{ "recvfrom", BLOCKS, { pair[0], P(space), 16, 0, 0, 0 } },
		{ "__recvfrom_chk", BLOCKS, { pair[0], P(space), 16, 16, 0, 0 } },
		{ "recvmsg", BLOCKS, { pair[0], AT(header), 0 } },
		{ "recvmmsg", BLOCKS, { pair[0], AT(headers), 1, 0, 0 } },
		{ "wait __wait", BLOCKS, { 0 } },
		{ "waitpid __waitpid", BLOCKS, { child, 0, 0 } },
		{ "waitid", BLOCKS, { P_PID, child, AT(info), WEXITED } },
		{ "wait3", BLOCKS, { 0, 0, 0 } },
		{ "wait4", BLOCKS, { child, 0, 0, 0 } },
		{ "system", BLOCKS, { P("exec sleep 1000") } },
		{ "sigsuspend __sigsuspend", BLOCKS, { AT(nothing) } },
		{ "sigpause __xpg_sigpause", BLOCKS, { SIGUSR2 } },
		{ "__sigpause", BLOCKS, { SIGUSR2, 1 } },
		{ "sigtimedwait", BLOCKS, { AT(usr2), AT(info), 0 } },
		{ "sigwaitinfo", BLOCKS, { AT(usr2), AT(info) } },
		{ "sigwait", BLOCKS, { AT(usr2), P(space) } },
		{ "pause", BLOCKS, { 0 } },
		{ "nanosleep __nanosleep", BLOCKS, { AT(long_time), 0 } },
		{ "clock_nanosleep", BLOCKS, { CLOCK_MONOTONIC, 0, AT(long_time), 0 } },
		{ "thrd_sleep", BLOCKS, { AT(long_time), 0 } },
		{ "sleep", BLOCKS, { 1000 } },
		{ "usleep", BLOCKS, { 1000000000 } },
		{ "msgsnd", BLOCKS, { full, P(&(long){ 1 }), 8, 0 } },
		{ "msgrcv", BLOCKS, { none, P(space), 16, 0, 0 } },
		{ "mq_send", BLOCKS, { full_queue, P(space), 1, 0 } },
		{ "mq_timedsend", BLOCKS, { full_queue, P(space), 1, 0, AT(far) } },
		{ "mq_receive", BLOCKS, { empty_queue, P(space), 16, 0 } },
		{ "mq_timedreceive", BLOCKS, { empty_queue, P(space), 16, 0, AT(far) } },
		{ "getrandom", PENDING, { P(space), 1, 0 } },
		{ "aio_suspend aio_suspend64", BLOCKS | FUTEX, { P(requests), 1, 0 } },
		{ "sem_wait", BLOCKS | FUTEX, { AT(semaphore) } },
		{ "sem_timedwait", BLOCKS | FUTEX, { AT(semaphore), AT(far) } },
		{ "sem_clockwait", BLOCKS | FUTEX, { AT(semaphore), CLOCK_MONOTONIC, AT(far) } },
		{ "pthread_join", BLOCKS | FUTEX, { (long)endless, 0 } },
		{ "pthread_cond_wait", BLOCKS | FUTEX | LOCK, { AT(condition), AT(mutex) } },
		{ "pthread_cond_timedwait", BLOCKS | FUTEX | LOCK,
		  { AT(condition), AT(mutex), AT(far) } },
		{ "fgetc getc _IO_getc", BLOCKS, { P(from) } },
		{ "fgets _IO_fgets", BLOCKS, { P(space), 16, P(from) } },
		{ "fread _IO_fread", BLOCKS, { P(space), 1, 16, P(from) } },
		{ "getline", BLOCKS, { AT(line), AT(size), P(from) } },
		{ "getdelim __getdelim", BLOCKS, { AT(line), AT(size), '\n', P(from) } },
		{ "fscanf", BLOCKS, { P(from), P("%c"), P(space) } },
		{ "fputs _IO_fputs", BLOCKS, { P("text"), P(to) } },
		{ "fwrite _IO_fwrite", BLOCKS, { P("text"), 1, 4, P(to) } },
		{ "fputc putc _IO_putc", BLOCKS, { 'x', P(to) } },
		{ "fprintf", BLOCKS, { P(to), P("%d %d %d %d"), 1, 2, 3, 4 } },
		{ "dprintf", BLOCKS, { stuffed, P("%d %d"), 1, 2 } },
	};

	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
		try_all(&points[i], argv + 1);
	CHECK(kill(child, SIGKILL) == 0 && wait_for(child) == 128 + SIGKILL);
	msgctl(none, IPC_RMID, NULL);
	msgctl(full, IPC_RMID, NULL);
	passed();
	fflush(stdout);
	/* Not exit: libc flushes, and a cancelled fprintf has left the full stream broken. */
	_exit(0);
}
