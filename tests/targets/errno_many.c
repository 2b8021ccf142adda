/* As errno_untouched, for calls of all families, and for what libc makes of several. */
#include "target.h"
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#define KEPT(call)                                   \
	do {                                         \
		errno = 1234;                        \
		CHECK((long)(call) >= 0 && errno == 1234); \
	} while (0)

static void names(void)
{
	char text[256];
	struct statvfs fs;

	KEPT(mkdir("there", 0700));
	KEPT(rename("there", "here"));
	KEPT(symlink("here", "link"));
	KEPT(readlink("link", text, sizeof(text)));
	KEPT(chmod("here", 0755));
	KEPT(chown("here", -1, -1));
	KEPT(utimensat(AT_FDCWD, "here", NULL, 0));
	KEPT(getcwd(text, sizeof(text)) ? 0 : -1);
	KEPT(chdir("here"));
	KEPT(chdir(".."));
	KEPT(unlink("link"));
	KEPT(rmdir("here"));
	KEPT(statvfs("/", &fs));
	KEPT(umask(022));
}

static void descriptors(void)
{
	char bytes[64] = "";
	struct iovec vec = { bytes, 8 };
	struct epoll_event event = { .events = EPOLLIN };
	struct itimerspec never = { { 0, 0 }, { 0, 0 } };
	int file, copy, event_fd, set, timer, waiting;

	KEPT(file = memfd_create("errno", 0));
	KEPT(ftruncate(file, 4096));
	KEPT(writev(file, &vec, 1));
	KEPT(preadv(file, &vec, 1, 0));
	KEPT(pwrite(file, bytes, 8, 0));
	KEPT(flock(file, LOCK_EX | LOCK_NB));
	KEPT(copy = dup(file));
	KEPT(dup2(file, copy));
	KEPT(sendfile(copy, file, &(off_t){ 0 }, 8));
	KEPT(fsync(file));
	KEPT(event_fd = eventfd(1, 0));
	KEPT(ioctl(event_fd, FIONBIO, &(int){ 1 }));
	KEPT(set = epoll_create1(0));
	KEPT(epoll_ctl(set, EPOLL_CTL_ADD, event_fd, &event));
	KEPT(epoll_wait(set, &event, 1, 0));
	KEPT(select(0, NULL, NULL, NULL, &(struct timeval){ 0, 0 }));
	KEPT(timer = timerfd_create(CLOCK_MONOTONIC, 0));
	KEPT(timerfd_settime(timer, 0, &never, NULL));
	KEPT(syscall(SYS_dup3, file, copy, 0));
	KEPT(waiting = fcntl(file, F_DUPFD, 20));
	KEPT(close_range(waiting, waiting, 0));
	KEPT(close(file) + close(copy) + close(event_fd) + close(set) + close(timer));
}

static void itself(void)
{
	struct rlimit limit;
	struct rusage usage;
	struct utsname name;
	sigset_t set;

	KEPT(getrlimit(RLIMIT_NOFILE, &limit));
	KEPT(getrusage(RUSAGE_SELF, &usage));
	KEPT(uname(&name));
	KEPT(sigprocmask(SIG_BLOCK, NULL, &set));
	KEPT(sigaction(SIGUSR1, NULL, &(struct sigaction){ 0 }));
	KEPT(prctl(PR_GET_DUMPABLE));
	KEPT(sched_yield());
	KEPT(sched_getaffinity(0, sizeof(cpu_set_t), &(cpu_set_t){ 0 }));
	KEPT(getpgid(0));
	KEPT(alarm(0));
	KEPT(kill(getpid(), 0));
	KEPT(getuid() + getgid() + geteuid() + getegid() ? 0 : 0);
}

static void composites(void)
{
	char path[4096];
	DIR *folder;
	FILE *stream;
	time_t now = 0;

	KEPT((folder = opendir("/")) ? 0 : -1);
	KEPT(readdir(folder) ? 0 : -1);
	KEPT(closedir(folder));
	KEPT((stream = fopen("/dev/zero", "r")) ? 0 : -1);
	KEPT(fgetc(stream));
	KEPT(fclose(stream));
	KEPT(realpath("/", path) ? 0 : -1);
	KEPT(localtime(&now) ? 0 : -1);
	KEPT(sysconf(_SC_PAGESIZE));
}

static void *nothing_much(void *arg)
{
	errno = 4321;
	return arg;
}

static void children(void)
{
	pthread_t thread;
	pid_t pid;

	KEPT(pthread_create(&thread, NULL, nothing_much, NULL) ? -1 : 0);
	KEPT(pthread_join(thread, NULL) ? -1 : 0);
	KEPT(pid = fork());
	if (pid == 0)
		_exit(errno == 1234 ? 0 : 1);
	KEPT(waitpid(pid, &(int){ 0 }, 0));
	KEPT(system("exit 0"));
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 20;

	for (int i = 0; i < times; i++) {
		names();
		descriptors();
		itself();
		composites();
	}
	children();
	return passed();
}
