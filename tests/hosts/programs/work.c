/* Threads, children, files, a library loaded late, and a jump: what C programs do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, TURNS = 150 };

extern char **environ;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long total;

static int status_of(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void read_zeros(size_t size)
{
	char *block = malloc(size);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (!block || read(fd, block, size) != (ssize_t)size || close(fd))
		abort();
	block = realloc(block, 3 * size);
	free(block);
}

/* In a child of a program with threads malloc(3) is only safe where its library keeps its
 * locks over fork(2). glibc does; gcc 12's address sanitizer doesn't, and bare one run of
 * this program in a hundred hung. */
static void read_few(size_t size)
{
#ifdef __SANITIZE_ADDRESS__
	char block[64];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	size %= sizeof(block);
	if (read(fd, block, size) != (ssize_t)size || close(fd))
		_exit(99);
#else
	read_zeros(size);
#endif
}

static void *turn(void *number)
{
	for (long i = 0; i < TURNS; i++) {
		read_zeros((size_t)(1 + i * 97 % 5000));
		pthread_mutex_lock(&mutex);
		total++;
		pthread_mutex_unlock(&mutex);
	}
	return number;
}

static void threads(void)
{
	pthread_t all[THREADS];

	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&all[i], NULL, turn, (void *)i))
			abort();
	for (long i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
	printf("threads: %ld\n", total);
	fflush(stdout);
}

/* A child works while threads of its parent do; it may be born with `mutex` taken. */
static void forks(void)
{
	pthread_t beside;
	int sum = 0;

	pthread_create(&beside, NULL, turn, NULL);
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (size_t size = 1; size < 5000; size += 50)
				read_few(size);
			_exit(i);
		}
		sum += status_of(pid);
	}
	pthread_join(beside, NULL);
	printf("forks: %d\n", sum >> 8);
	fflush(stdout);
}

static void children(void)
{
	char line[64] = "";
	char *words[] = { "sh", "-c", "exit 3", NULL };
	pid_t pid;
	FILE *pipe = popen("cat /dev/null; echo from the shell", "r");

	if (!pipe || !fgets(line, sizeof(line), pipe) || pclose(pipe))
		abort();
	if (posix_spawnp(&pid, "sh", NULL, NULL, words, environ))
		abort();
	printf("children: %s%d %d\n", line, status_of(pid), system("exit 4"));
}

static void libraries(void)
{
	void *handle = dlopen("libm.so.6", RTLD_NOW);
	double (*cosine)(double) = handle ? (double (*)(double))dlsym(handle, "cos") : NULL;

	printf("libraries: %d\n", cosine && (int)cosine(0) == 1);
}

static sigjmp_buf back;

static void jump(int number)
{
	siglongjmp(back, number);
}

static void jumps(void)
{
	volatile int count = 0;

	signal(SIGUSR1, jump);
	if (sigsetjmp(back, 1) && ++count == 3)
		printf("jumps: %d\n", count);
	else
		raise(SIGUSR1);
}

static void note(void)
{
	char text[16] = "";
	int fd = open("note", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0 || close(fd))
		abort();
	printf("note: %s", text);
}

int main(void)
{
	threads();
	forks();
	children();
	libraries();
	jumps();
	note();
	return 7;
}
