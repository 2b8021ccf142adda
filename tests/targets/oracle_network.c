/* Most calls on sockets, memory, System V IPC, clocks and the system that the table
 * wraps, each at least once, well and with an error. What they return does not matter
 * here: another witness tells. */
#include "target.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ipc.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>

static volatile long sink;
static char *volatile nowhere = (char *)8;
static char buf[256];

#define DO(call) (sink = (long)(call))

ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);

static void making_sockets(void)
{
	int pair[2];

	DO(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	DO(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP));
	DO(socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP));
	DO(socket(AF_NETLINK, SOCK_RAW, 0));
	DO(socket(AF_UNIX, SOCK_RDM, 7));
	DO(socket(12345, SOCK_STREAM, 0));
	DO(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	DO(socketpair(AF_INET, SOCK_STREAM, 0, pair));
	DO(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)nowhere));
}

static void options(int fd)
{
	struct linger linger = { 1, 2 };
	socklen_t size = sizeof(int);
	int one = 1;

	DO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	DO(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	DO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	DO(setsockopt(fd, IPPROTO_IP, 12345, &one, sizeof(one)));
	DO(setsockopt(fd, 777, 5, &one, sizeof(one)));
	DO(getsockopt(fd, SOL_SOCKET, SO_TYPE, &one, &size));
	DO(getsockopt(fd, SOL_SOCKET, SO_ERROR, &one, &size));
	DO(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, &size));
	DO(getsockopt(99, SOL_SOCKET, SO_TYPE, &one, &size));
}

static void sending(int to, int from)
{
	struct iovec part = { "part", 4 }, room = { buf, sizeof(buf) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct msghdr into = { .msg_iov = &room, .msg_iovlen = 1 };
	struct mmsghdr many = { .msg_hdr = message }, many_in = { .msg_hdr = into };
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);

	DO(send(to, "five\n", 5, MSG_NOSIGNAL));
	DO(sendto(to, "some more", 9, MSG_DONTWAIT, NULL, 0));
	DO(sendto(to, "to a place", 10, 0, (struct sockaddr *)&peer, 3));
	DO(sendmsg(to, &message, MSG_NOSIGNAL | MSG_MORE));
	DO(sendmmsg(to, &many, 1, 0));
	DO(recv(from, buf, 5, MSG_PEEK));
	DO(recv(from, buf, 5, 0));
	DO(__recv_chk(from, buf, 2, 256, 0));
	DO(recvfrom(from, buf, 2, 0, (struct sockaddr *)&peer, &size));
	DO(recvfrom(from, buf, 2, MSG_DONTWAIT, NULL, NULL));
	DO(__recvfrom_chk(from, buf, 2, 256, MSG_TRUNC, NULL, NULL));
	DO(recvmsg(from, &into, MSG_CMSG_CLOEXEC));
	DO(recvmmsg(from, &many_in, 1, MSG_DONTWAIT, NULL));
	DO(recv(from, buf, 5, MSG_DONTWAIT));
	DO(shutdown(to, SHUT_WR));
	DO(recv(from, buf, 5, 0));
	DO(send(to, "no", 2, MSG_NOSIGNAL));
	DO(shutdown(99, SHUT_RDWR));
}

static void connecting(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct sockaddr_un local = { AF_UNIX, "missing" };
	socklen_t size = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	int accepted;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	options(server);
	DO(bind(server, (struct sockaddr *)&address, size));
	DO(bind(99, NULL, 0));
	DO(listen(server, 5));
	DO(getsockname(server, (struct sockaddr *)&address, &size));
	DO(connect(client, (struct sockaddr *)&address, size));
	DO(connect(client, (struct sockaddr *)&local, sizeof(local)));
	DO(accepted = accept4(server, (struct sockaddr *)&address, &size, SOCK_CLOEXEC));
	DO(getpeername(accepted, (struct sockaddr *)&address, &size));
	DO(getpeername(server, (struct sockaddr *)&address, &size));
	DO(accept(accepted, NULL, NULL));
	DO(accept4(server, NULL, NULL, -1));
	sending(client, accepted);
}

static void mapping(void)
{
	const size_t page = 4096;
	unsigned char resident[4];
	char *at = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct iovec range = { at, page };

	DO(mmap64(at, page, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	DO(mmap(NULL, 0, PROT_EXEC, MAP_SHARED, 99, 4096));
	DO(mprotect(at, page, PROT_READ | PROT_WRITE));
	DO(mprotect(at + 1, page, PROT_READ | PROT_GROWSDOWN));
	DO(mremap(at + 3 * page, page, 2 * page, 0));
	DO(mremap(at + 3 * page, page, 2 * page, MREMAP_MAYMOVE));
	DO(mremap(at, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, at + page));
	DO(madvise(at + page, page, MADV_DONTNEED));
	DO(madvise(at + page, page, 12345));
	DO(posix_madvise(at + page, page, POSIX_MADV_WILLNEED));
	DO(posix_madvise(at + page, page, POSIX_MADV_DONTNEED));
	DO(process_madvise(99, &range, 1, MADV_COLD, 0));
	DO(msync(at + page, page, MS_SYNC | MS_INVALIDATE));
	DO(mlock(at + page, page));
	DO(mlock2(at + page, page, MLOCK_ONFAULT));
	DO(munlock(at + page, page));
	DO(mlockall(0));
	DO(munlockall());
	DO(mincore(at + page, page, resident));
	DO(remap_file_pages(nowhere, page, 1, 0, 0));
	DO(pkey_alloc(0, PKEY_DISABLE_WRITE));
	DO(pkey_free(77));
	DO(pkey_mprotect(at + page, page, PROT_READ, 77));
	DO(munmap(at, 4 * page));
	DO(munmap(at + 1, page));
	DO(sbrk(4096));
	DO(sbrk(-4096));
	DO(brk(sbrk(0)));
}

static void ipc(void)
{
	struct { long type; char text[8]; } message = { 5, "words" };
	struct sembuf up = { 0, 1, IPC_NOWAIT }, down = { 0, -5, IPC_NOWAIT };
	int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	int sem = semget(IPC_PRIVATE, 2, IPC_CREAT | 0640);
	int shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	struct shmid_ds facts;
	void *at;

	DO(msgget(12345678, 0));
	DO(msgsnd(queue, &message, 5, IPC_NOWAIT));
	DO(msgrcv(queue, &message, 8, 0, IPC_NOWAIT | MSG_NOERROR));
	DO(msgrcv(queue, &message, 8, -5, IPC_NOWAIT));
	DO(msgctl(queue, IPC_RMID, NULL));
	DO(semget(12345678, 1, 0));
	DO(semctl(sem, 0, SETVAL, 1));
	DO(semctl(sem, 0, GETVAL));
	DO(semop(sem, &up, 1));
	DO(semop(sem, &down, 1));
	DO(semtimedop(sem, &down, 1, &(struct timespec){ 0, 0 }));
	DO(semctl(sem, 0, IPC_RMID));
	DO(at = shmat(shm, NULL, SHM_RDONLY));
	DO(shmat(-1, NULL, 0));
	DO(shmdt(at));
	DO(shmdt(nowhere));
	DO(shmctl(shm, IPC_STAT, &facts));
	DO(shmctl(shm, IPC_RMID, NULL));
	DO(shmget(12345678, 1, IPC_EXCL | SHM_NORESERVE));
}

static void clocks(void)
{
	const struct timespec instant = { 0, 1 }, bad = { 0, -1 };
	const struct itimerspec soon = { { 0, 0 }, { 1000, 0 } };
	struct itimerval timer = { { 0, 0 }, { 1000, 0 } };
	struct sigevent quiet = { .sigev_notify = SIGEV_NONE };
	struct itimerspec was;
	struct timespec rest;
	struct timex facts = { .modes = 0 };
	struct tms used;
	timer_t id;

	DO(nanosleep(&instant, NULL));
	DO(nanosleep(&bad, &rest));
	DO(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &instant, NULL));
	DO(clock_nanosleep(CLOCK_REALTIME, 0, &instant, &rest));
	DO(clock_nanosleep(99, 0, &instant, NULL));
	DO(usleep(1));
	DO(setitimer(ITIMER_REAL, &timer, NULL));
	DO(getitimer(ITIMER_REAL, &timer));
	DO(alarm(100));
	DO(alarm(0));
	DO(getitimer(99, &timer));
	DO(timer_create(CLOCK_MONOTONIC, &quiet, &id));
	DO(timer_settime(id, TIMER_ABSTIME, &soon, &was));
	DO(timer_gettime(id, &was));
	DO(timer_getoverrun(id));
	DO(timer_delete(id));
	DO(clock_settime(CLOCK_MONOTONIC, &instant));
	DO(clock_adjtime(CLOCK_REALTIME, &facts));
	DO(adjtimex(&facts));
	DO(times(&used));
}

static void facts_of_the_system(void)
{
	struct utsname name;
	struct sysinfo info;

	DO(uname(&name));
	DO(sysinfo(&info));
	DO(sethostname(nowhere, 3));
	DO(setdomainname(nowhere, 65));
	DO(klogctl(10, NULL, 0));
}

int main(void)
{
	making_sockets();
	connecting();
	mapping();
	ipc();
	clocks();
	facts_of_the_system();
	return passed();
}
