/* Most calls on files and descriptors that the table wraps, each at least once, well
 * and with an error, in the empty current folder. What they return does not matter
 * here: another witness tells. */
#include "target.h"
#include <dirent.h>
#include <dlfcn.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <utime.h>

static volatile long sink;
static char *volatile nowhere = (char *)8;
static char buf[256];

#define DO(call) (sink = (long)(call))

ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
ssize_t __readlink_chk(const char *, char *, size_t, size_t);
ssize_t __readlinkat_chk(int, const char *, char *, size_t, size_t);
char *__getcwd_chk(char *, size_t, size_t);
int __open_2(const char *, int);
int __openat_2(int, const char *, int);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);

static void opening(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	DO(open64("file", O_RDONLY | O_NOFOLLOW));
	DO(open("file", O_CREAT | O_EXCL, 0600));
	DO(open(".", O_TMPFILE | O_RDWR, 0600));
	DO(open("file", O_WRONLY | O_TRUNC | O_APPEND | O_SYNC));
	DO(open("a \"quoted\" \\ name\n\x01\xff" "7", O_RDONLY | O_NONBLOCK));
	DO(open(nowhere, O_RDONLY));
	DO(open("", O_PATH));
	DO(openat(AT_FDCWD, "/", O_DIRECTORY | O_PATH));
	DO(openat64(fd, "below", O_RDONLY));
	DO(openat(-1, "file", O_RDONLY));
	DO(openat(77, "file", O_CREAT, 0));
	DO(creat("created", 0600));
	DO(creat64("missing/created", 07777));
	DO(__open_2("file", O_RDONLY));
	DO(__openat_2(AT_FDCWD, "file", O_RDONLY));
	DO(close(fd));
	DO(close(-1));
	DO(close_range(900, 1000, 0));
	DO(close_range(900, ~0u, CLOSE_RANGE_CLOEXEC));
}

static void looking(void)
{
	struct stat st;
	struct stat64 st64;
	struct statfs fs;
	struct statvfs vfs;
	struct statfs64 fs64;
	struct statvfs64 vfs64;
	struct statx stx;
	int fd = open("file", O_RDONLY);

	DO(access("file", R_OK | W_OK));
	DO(access("missing", F_OK));
	DO(faccessat(AT_FDCWD, "file", X_OK, 0));
	DO(faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS));
	DO(faccessat(fd, "x", F_OK, AT_SYMLINK_NOFOLLOW));
	DO(stat("file", &st));
	DO(stat("missing", &st));
	DO(stat64("file", &st64));
	DO(lstat("file", &st));
	DO(lstat64("missing", &st64));
	DO(fstat(fd, &st));
	DO(fstat(99, &st));
	DO(fstat64(fd, &st64));
	DO(fstatat(AT_FDCWD, "file", &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT));
	DO(fstatat64(fd, "", &st64, AT_EMPTY_PATH));
	DO(statx(AT_FDCWD, "file", AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_BTIME, &stx));
	DO(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx));
	DO(statfs("file", &fs));
	DO(statfs64("missing", &fs64));
	DO(fstatfs(fd, &fs));
	DO(fstatfs64(99, &fs64));
	DO(statvfs(".", &vfs));
	DO(statvfs64(".", &vfs64));
	DO(fstatvfs(fd, &vfs));
	DO(fstatvfs64(fd, &vfs64));
	DO(close(fd));
}

typedef int old_stat(int version, const char *path, struct stat *st);
typedef int old_fstat(int version, int fd, struct stat *st);
typedef int old_fstatat(int version, int fd, const char *path, struct stat *st, int flags);
typedef int old_mknod(int version, const char *path, mode_t mode, dev_t *dev);
typedef int old_mknodat(int version, int fd, const char *path, mode_t mode, dev_t *dev);

/* What programs of before glibc 2.33 call; no new one can be linked with them. */
static void as_old_programs(void)
{
	old_stat *one = (old_stat *)dlsym(RTLD_DEFAULT, "__xstat");
	old_stat *link = (old_stat *)dlsym(RTLD_DEFAULT, "__lxstat");
	old_fstat *open_one = (old_fstat *)dlsym(RTLD_DEFAULT, "__fxstat");
	old_fstatat *at = (old_fstatat *)dlsym(RTLD_DEFAULT, "__fxstatat");
	old_mknod *node = (old_mknod *)dlsym(RTLD_DEFAULT, "__xmknod");
	old_mknodat *node_at = (old_mknodat *)dlsym(RTLD_DEFAULT, "__xmknodat");
	struct stat st;
	dev_t dev = 0;

	CHECK(one && link && open_one && at && node && node_at);
	DO(one(1, "file", &st));
	DO(link(1, "missing", &st));
	DO(open_one(1, 0, &st));
	DO(at(1, AT_FDCWD, "file", &st, AT_SYMLINK_NOFOLLOW));
	DO(node(0, "old_fifo", S_IFIFO | 0600, &dev));
	DO(node_at(0, AT_FDCWD, "old_fifo", S_IFIFO | 0600, &dev));
}

static void names(void)
{
	DO(link("file", "hard"));
	DO(linkat(AT_FDCWD, "file", AT_FDCWD, "harder", AT_SYMLINK_FOLLOW));
	DO(unlink("hard"));
	DO(unlink("missing"));
	DO(unlinkat(AT_FDCWD, "harder", 0));
	DO(unlinkat(AT_FDCWD, "missing", AT_REMOVEDIR));
	DO(rename("created", "renamed"));
	DO(renameat(AT_FDCWD, "renamed", AT_FDCWD, "again"));
	DO(renameat2(AT_FDCWD, "again", AT_FDCWD, "file", RENAME_NOREPLACE));
	DO(renameat2(AT_FDCWD, "again", AT_FDCWD, "file", RENAME_EXCHANGE));
	DO(mkdir("dir", 0755));
	DO(mkdir("dir", 01777));
	DO(mkdirat(AT_FDCWD, "dir/in", 0));
	DO(rmdir("dir/in"));
	DO(rmdir("missing"));
	DO(symlink("a target", "soft"));
	DO(symlinkat("target", AT_FDCWD, "softer"));
	DO(readlink("soft", buf, sizeof(buf)));
	DO(readlink("soft", buf, 3));
	DO(readlink("file", buf, sizeof(buf)));
	DO(readlinkat(AT_FDCWD, "softer", buf, sizeof(buf)));
	DO(__readlink_chk("soft", buf, 10, 256));
	DO(__readlinkat_chk(AT_FDCWD, "soft", buf, 10, 256));
	DO(mknod("pipe", S_IFIFO | 0644, 0));
	DO(mknod("missing/device", S_IFCHR | 0600, makedev(1, 3)));
	DO(mknodat(AT_FDCWD, "pipe", S_IFBLK, makedev(259, 300)));
	DO(mkfifo("fifo", 0600));
	DO(mkfifoat(AT_FDCWD, "fifo", 0));
	DO(chdir("dir"));
	DO(getcwd(buf, sizeof(buf)));
	DO(__getcwd_chk(buf, 200, 256));
	DO(getcwd(buf, 2));
	free(getcwd(NULL, 0));
	DO(chdir(".."));
	DO(chdir("missing"));
	DO(fchdir(99));
}

static void owners_and_times(void)
{
	const struct timespec times[2] = { { 5, 6 }, { 7, 8 } };
	const struct timeval old_times[2] = { { 5, 6 }, { 7, 8 } };
	const struct utimbuf oldest = { 5, 7 };
	int fd = open("file", O_RDWR);

	DO(chmod("file", 0644));
	DO(chmod("missing", 04755));
	DO(fchmod(fd, 0600));
	DO(fchmodat(AT_FDCWD, "file", 0640, 0));
	DO(chown("file", -1, -1));
	DO(lchown("soft", getuid(), getgid()));
	DO(fchown(fd, -1, getgid()));
	DO(fchownat(AT_FDCWD, "soft", -1, -1, AT_SYMLINK_NOFOLLOW));
	DO(truncate("file", 100));
	DO(truncate64("missing", 1));
	DO(ftruncate(fd, 50));
	DO(ftruncate64(fd, -1));
	DO(utime("file", &oldest));
	DO(utimes("file", old_times));
	DO(utimes("file", NULL));
	DO(lutimes("soft", old_times));
	DO(futimes(fd, old_times));
	DO(futimesat(AT_FDCWD, "file", old_times));
	DO(utimensat(AT_FDCWD, "soft", times, AT_SYMLINK_NOFOLLOW));
	DO(futimens(fd, NULL));
	DO(umask(027));
	DO(umask(022));
	DO(setxattr("file", "user.a", "value\0x", 7, XATTR_CREATE));
	DO(lsetxattr("soft", "user.a", "v", 1, 0));
	DO(fsetxattr(fd, "user.b", "", 0, XATTR_REPLACE));
	DO(getxattr("file", "user.a", buf, sizeof(buf)));
	DO(getxattr("file", "user.a", buf, 0));
	DO(lgetxattr("soft", "user.a", buf, 1));
	DO(fgetxattr(fd, "user.a", buf, 2));
	DO(listxattr("file", buf, sizeof(buf)));
	DO(llistxattr("soft", buf, sizeof(buf)));
	DO(flistxattr(fd, NULL, 0));
	DO(removexattr("file", "user.a"));
	DO(lremovexattr("soft", "user.a"));
	DO(fremovexattr(fd, "user.a"));
	DO(close(fd));
}

static void privileged(void)
{
	DO(chroot("missing"));
	DO(syscall(SYS_pivot_root, "missing", "missing"));
	DO(mount("none", "missing", "tmpfs", MS_RDONLY | MS_NOSUID, "size=1"));
	DO(umount("missing"));
	DO(umount2("missing", MNT_DETACH));
	DO(swapon("missing", 0));
	DO(swapoff("missing"));
	DO(acct("missing"));
	DO(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY));
	DO(fanotify_mark(99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "file"));
}

static void moving_data(int fd, int other)
{
	struct iovec two[2] = { { "one ", 4 }, { buf, 4 } };
	off_t at = 1, to = 2;
	int pair[2];

	DO(write(fd, "some \"text\" \\ \t\r\n\v\f\x01\x7f\xff" "8 and so on, longer than it", 49));
	DO(write(fd, "", 0));
	DO(write(fd, nowhere, 3));
	DO(pwrite(fd, "abc", 3, 10));
	DO(pwrite64(fd, "abc", 3, -1));
	DO(lseek(fd, 0, SEEK_SET));
	DO(lseek64(fd, 3, SEEK_DATA));
	DO(lseek(fd, -1, SEEK_END));
	DO(lseek(fd, 0, 99));
	DO(read(fd, buf, 10));
	DO(read(fd, buf, sizeof(buf)));
	DO(read(fd, nowhere, 5));
	DO(read(99, buf, 5));
	DO(pread(fd, buf, 8, 0));
	DO(pread64(fd, buf, 100, 5));
	DO(__read_chk(fd, buf, 5, 256));
	DO(__pread_chk(fd, buf, 5, 0, 256));
	DO(writev(fd, two, 2));
	DO(two[0].iov_base = buf + 10);
	DO(readv(fd, two, 2));
	DO(preadv(fd, two, 2, 0));
	DO(pwritev(fd, two, 2, 100));
	DO(preadv2(fd, two, 1, 0, RWF_HIPRI));
	DO(pwritev2(fd, two, 1, -1, RWF_DSYNC));
	DO(copy_file_range(fd, &at, other, &to, 5, 0));
	DO(copy_file_range(fd, NULL, other, NULL, 5, 1));
	DO(sendfile(other, fd, &at, 10));
	DO(sendfile64(other, fd, NULL, 10));
	DO(pipe(pair));
	DO(splice(fd, &at, pair[1], NULL, 5, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
	DO(tee(pair[0], other, 5, SPLICE_F_NONBLOCK));
	DO(vmsplice(pair[1], two, 1, SPLICE_F_GIFT));
	DO(close(pair[0]));
	DO(close(pair[1]));
	DO(getrandom(buf, 0, 0));
	DO(getrandom(buf, 20, GRND_NONBLOCK));
	DO(getrandom(buf, 200, GRND_RANDOM | GRND_NONBLOCK));
	DO(getentropy(buf, 40));
}

static void descriptors(int fd, int other)
{
	struct flock lock = { .l_type = F_WRLCK };
	struct winsize size;
	int pair[2], n;

	DO(dup(fd));
	DO(dup(99));
	DO(dup2(fd, 200));
	DO(dup2(99, 200));
	DO(dup3(fd, 201, O_CLOEXEC));
	DO(dup3(fd, fd, 0));
	DO(pipe2(pair, O_CLOEXEC | O_NONBLOCK));
	DO(read(pair[0], buf, 1));
	DO(pipe2(pair, O_DIRECT));
	DO(memfd_create("a name", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	DO(fcntl(fd, F_DUPFD, 100));
	DO(fcntl(fd, F_DUPFD_CLOEXEC, 100));
	DO(fcntl(fd, F_GETFD));
	DO(fcntl(fd, F_SETFD, FD_CLOEXEC));
	DO(fcntl(fd, F_GETFD));
	DO(fcntl(fd, F_GETFL));
	DO(fcntl64(fd, F_SETFL, O_NONBLOCK | O_APPEND));
	DO(fcntl(fd, F_SETLK, &lock));
	DO(fcntl(fd, F_GETLK, &lock));
	DO(fcntl(fd, F_OFD_SETLK, &lock));
	DO(fcntl(fd, F_SETOWN, getpid()));
	DO(fcntl(fd, F_GETOWN));
	DO(fcntl(fd, F_SETSIG, SIGIO));
	DO(fcntl(fd, F_GETSIG));
	DO(fcntl(fd, F_GETLEASE));
	DO(fcntl(pair[0], F_GETPIPE_SZ));
	DO(fcntl(pair[0], F_SETPIPE_SZ, 8192));
	DO(fcntl(fd, F_GET_SEALS));
	DO(fcntl(99, 12345, 6));
	DO(ioctl(fd, FIONREAD, &n));
	DO(ioctl(fd, FIOCLEX));
	DO(ioctl(fd, TIOCGWINSZ, &size));
	DO(ioctl(fd, 0xdeadbeef, 7));
	DO(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'x', 7, 12), &n));
	DO(flock(fd, LOCK_EX | LOCK_NB));
	DO(flock(fd, LOCK_UN));
	DO(fsync(pair[0]));
	DO(fdatasync(99));
	DO(syncfs(99));
	DO(sync_file_range(fd, 0, 100, SYNC_FILE_RANGE_WRITE));
	DO(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096));
	DO(fallocate64(99, FALLOC_FL_PUNCH_HOLE, 0, 1));
	DO(posix_fallocate(fd, 0, 100));
	DO(posix_fallocate64(99, 0, 100));
	DO(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	DO(posix_fadvise64(99, 0, 5, POSIX_FADV_DONTNEED));
	DO(readahead(other, 0, 100));
	DO(getdents64(fd, buf, sizeof(buf)));
}

static void terminals(int fd)
{
	struct termios settings;

	DO(isatty(fd));
	DO(isatty(99));
	DO(tcgetattr(fd, &settings));
	DO(tcdrain(fd));
	DO(tcflush(fd, TCIFLUSH));
	DO(tcflow(fd, TCOON));
	DO(tcgetpgrp(fd));
	DO(tcsetpgrp(fd, getpgrp()));
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	DO(isatty(fd));
	DO(tcgetattr(fd, &settings));
	DO(tcdrain(fd));
	DO(close(fd));
}

static void waiting(int fd)
{
	struct pollfd polled[2] = { { fd, POLLIN, 0 }, { -1, 0, 0 } };
	struct epoll_event event = { .events = EPOLLIN };
	const struct timespec none = { 0, 0 };
	const struct itimerspec timer = { { 0, 0 }, { 1000, 0 } };
	struct timeval no_time = { 0, 0 };
	struct itimerspec was;
	sigset_t set;
	fd_set fds;
	int pair[2], epoll;
	eventfd_t value;

	CHECK(pipe(pair) == 0);
	sigemptyset(&set);
	DO(poll(polled, 2, 0));
	DO(poll(&(struct pollfd){ pair[0], POLLIN, 0 }, 1, 0));
	DO(__poll_chk(polled, 1, 0, sizeof(polled)));
	DO(ppoll(polled, 1, &none, &set));
	DO(ppoll(polled, 0, &none, NULL));
	DO(__ppoll_chk(polled, 1, &none, NULL, sizeof(polled)));
	FD_ZERO(&fds);
	FD_SET(pair[0], &fds);
	DO(select(pair[0] + 1, &fds, NULL, NULL, &no_time));
	DO(select(-1, NULL, NULL, NULL, &no_time));
	DO(pselect(0, NULL, NULL, NULL, &none, &set));
	DO(pselect(0, NULL, NULL, NULL, &none, NULL));
	DO(epoll = epoll_create1(EPOLL_CLOEXEC));
	DO(epoll_create(5));
	DO(epoll_create(0));
	DO(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event));
	DO(epoll_ctl(epoll, EPOLL_CTL_DEL, 99, NULL));
	DO(epoll_wait(epoll, &event, 1, 0));
	DO(epoll_pwait(epoll, &event, 1, 0, &set));
	DO(epoll_pwait2(epoll, &event, 1, &none, &set));
	DO(fd = eventfd(3, EFD_CLOEXEC | EFD_NONBLOCK));
	DO(eventfd_read(fd, &value));
	DO(eventfd_read(fd, &value));
	DO(eventfd_write(fd, 258));
	DO(signalfd(-1, &set, SFD_NONBLOCK));
	DO(fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	DO(timerfd_settime(fd, TFD_TIMER_ABSTIME, &timer, &was));
	DO(timerfd_gettime(fd, &was));
	DO(fd = inotify_init1(IN_NONBLOCK));
	DO(inotify_init());
	DO(inotify_add_watch(fd, "file", IN_MODIFY | IN_DELETE_SELF));
	DO(inotify_rm_watch(fd, 77));
}

static void queues(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	mqd_t queue;

	DO(queue = mq_open("/pyshim-oracle", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr));
	DO(mq_open("/pyshim-none", O_RDONLY));
	DO(mq_unlink("/pyshim-oracle"));
	DO(mq_send(queue, "word", 4, 2));
	DO(mq_timedsend(queue, "word", 4, 2, &(struct timespec){ 0, 0 }));
	DO(mq_getattr(queue, &attr));
	DO(mq_setattr(queue, &attr, NULL));
	DO(mq_receive(queue, buf, 8, NULL));
	DO(mq_timedreceive(queue, buf, 8, NULL, &(struct timespec){ 0, 0 }));
	DO(mq_notify(queue, NULL));
	DO(mq_close(queue));
}

int main(void)
{
	opening();
	names();
	looking();
	as_old_programs();
	owners_and_times();
	privileged();

	int fd = open("data", O_RDWR | O_CREAT, 0600);
	int other = open("other", O_RDWR | O_CREAT, 0600);

	CHECK(fd >= 0 && other >= 0);
	moving_data(fd, other);
	descriptors(fd, other);
	terminals(fd);
	waiting(fd);
	queues();
	return passed();
}
