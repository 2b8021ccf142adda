/* Works within whatever limits it was started with: says what they are, then uses
 * memory, threads, files and children as far as a small program does. */
#include "target.h"
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>

extern char **environ;

static void show_limits(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		CHECK(getrlimit(i, &limit) == 0);
		printf("%d: %lld %lld\n", i, (long long)limit.rlim_cur,
		       (long long)limit.rlim_max);
	}
}

static void use_memory(void)
{
	enum { SIZE = 8 << 20 };
	char *block = malloc(SIZE);

	CHECK(block);
	memset(block, 1, SIZE);
	free(block);
	block = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(block != MAP_FAILED && munmap(block, SIZE) == 0);
	puts("memory");
}

static void *calls(void *arg)
{
	char bytes[16];

	for (int i = 0; i < 10; i++) {
		int fd = open("/dev/zero", O_RDONLY);

		CHECK(fd >= 0 && read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
		CHECK(close(fd) == 0 && access("/no/such", F_OK) == -1);
	}
	return arg;
}

static void use_threads(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 32 * 1024) == 0);
	for (int i = 0; i < 4; i++) {
		CHECK(pthread_create(&thread, &attr, calls, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	puts("threads");
}

static void use_files(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	report("write", write(fd, "some text", 9));
	CHECK(close(fd) == 0 && unlink("file") == 0);
	fd = dup(2);
	report("one more descriptor", fd);
	close(fd);
}

static void use_children(void)
{
	char *args[] = { "true", NULL };
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		calls(NULL);
		_exit(3);
	}
	CHECK(wait_for(pid) == 3);
	CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, args, environ) == 0);
	printf("spawned: %d\n", wait_for(pid));
}

int main(void)
{
	show_limits();
	use_memory();
	calls(NULL);
	use_threads();
	use_files();
	use_children();
	return passed();
}
