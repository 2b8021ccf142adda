/* What a process can find out about itself that a library in it might change: open
 * descriptors, heap, signals, threads. Shown at the start, in a fork's child, in a
 * thread, in a program that was exec'd, and at the very end. Of a library with thread
 * variables, ld.so keeps 16 bytes more for each thread: no heap once there was one. */
#include "target.h"
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int threaded;

static void show_fds(void)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;

	CHECK(fds);
	printf(" fds");
	while ((entry = readdir(fds)))
		if (*entry->d_name != '.' && atoi(entry->d_name) != dirfd(fds))
			printf(" %s", entry->d_name);
	closedir(fds);
}

static int threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	CHECK(tasks);
	while ((entry = readdir(tasks)))
		count += *entry->d_name != '.';
	closedir(tasks);
	return count;
}

static void show_signals(void)
{
	sigset_t blocked;

	CHECK(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0);
	printf(" signals");
	for (int i = 1; i < NSIG; i++) {
		struct sigaction act = { .sa_handler = SIG_DFL };

		if (sigaction(i, NULL, &act) == 0 && act.sa_handler != SIG_DFL)
			printf(" %d", i);
		if (sigismember(&blocked, i) == 1)
			printf(" blocked %d", i);
	}
}

static void show(const char *when)
{
	struct mallinfo2 heap = mallinfo2();
	void *top = sbrk(0);

	printf("%s:", when);
	if (!threaded)
		printf(" heap %zu of %zu, %zu mapped", heap.uordblks, heap.arena, heap.hblks);
	CHECK(sbrk(0) == top);
	show_fds();
	show_signals();
	printf(" threads %d\n", threads());
	fflush(stdout);
}

static void *in_thread(void *arg)
{
	threaded = 1;
	show("thread");
	return arg;
}

static void at_end(void)
{
	show("atexit");
}

__attribute__((destructor)) static void last(void)
{
	show("destructor");
}

static void exec_again(const char *self)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl(self, self, "again", NULL);
		_exit(1);
	}
	CHECK(pid > 0 && wait_for(pid) == 0);
}

static void calls(void)
{
	char bytes[64] = "";
	int fd = memfd_create("calls", 0);

	for (int i = 0; i < 20; i++) {
		CHECK(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
		CHECK(pread(fd, bytes, sizeof(bytes), 0) == sizeof(bytes));
		CHECK(access("/", F_OK) == 0 && open("/no/such", O_RDONLY) == -1);
		CHECK(fcntl(fd, F_GETFL) >= 0 && lseek(fd, 0, SEEK_END) > 0);
	}
	CHECK(prctl(PR_GET_DUMPABLE) >= 0);
	CHECK(close(fd) == 0 && getppid() > 0 && syscall(SYS_getppid) > 0);
}

int main(int argc, char **argv)
{
	pthread_key_t key;
	pthread_t thread;
	pid_t pid;

	setvbuf(stdout, NULL, _IOFBF, 4096);
	CHECK(pthread_key_create(&key, NULL) == 0);
	if (getenv("SHOW_KEY"))
		printf("first key %u\n", key);
	show(argc > 1 ? argv[1] : "start");
	CHECK(atexit(at_end) == 0);
	calls();
	show("after calls");
	pid = fork();
	if (pid == 0) {
		calls();
		show("child");
		exit(0);
	}
	CHECK(wait_for(pid) == 0);
	CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	if (argc == 1)
		exec_again(argv[0]);
	return passed();
}
