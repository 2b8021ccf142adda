/* A bit of everything that other libraries in a process step into: files, streams,
 * memory, threads, children, time. Leaves the file `left`. */
#include "target.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

static void files(void)
{
	char text[16] = "";
	int fd = open("left", O_RDWR | O_CREAT | O_TRUNC, 0640);

	CHECK(fd >= 0 && write(fd, "neighbour\n", 10) == 10 && fsync(fd) == 0);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, sizeof(text)) == 10);
	CHECK(close(fd) == 0);
	errno = 0;
	CHECK(open("none", O_RDONLY) == -1);
	printf("files: %s%s\n", text, strerrorname_np(errno));
}

static void streams(void)
{
	char line[32] = "";
	struct stat info;
	FILE *file = fopen("left", "a+");

	CHECK(file && fprintf(file, "%s\n", "second") == 7 && fflush(file) == 0);
	CHECK(fstat(fileno(file), &info) == 0);
	rewind(file);
	CHECK(fgets(line, sizeof(line), file) && fclose(file) == 0);
	printf("streams: %ld %s", (long)info.st_size, line);
}

static void memory(void)
{
	long sum = 0;

	for (size_t size = 1; size < 4 << 20; size *= 3) {
		char *block = malloc(size), *larger = realloc(block, 2 * size);

		CHECK(larger && memset(larger, 1, 2 * size));
		sum += larger[2 * size - 1];
		free(larger);
	}
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	CHECK(map != MAP_FAILED && munmap(map, 8192) == 0);
	printf("memory: %ld\n", sum);
}

static void *thread(void *result)
{
	char *block = malloc(100);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	CHECK(block && read(fd, block, 100) == 100 && close(fd) == 0);
	*(long *)result = 100 + block[99];
	free(block);
	return result;
}

static void threads(void)
{
	pthread_t threads[4];
	long results[4], sum = 0;

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, thread, &results[i]) == 0);
	for (int i = 0; i < 4; i++) {
		CHECK(pthread_join(threads[i], NULL) == 0);
		sum += results[i];
	}
	printf("threads: %ld\n", sum);
}

static void children(void)
{
	fflush(stdout);
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(getppid() > 0 ? 3 : 4);
	printf("fork: %d\n", wait_for(pid));
	fflush(stdout);
	printf("system: %d\n", WEXITSTATUS(system("cat left; exit 5")));
}

int main(void)
{
	struct timespec nap = { 0, 1000 };

	files();
	streams();
	memory();
	threads();
	children();
	CHECK(nanosleep(&nap, NULL) == 0 && time(NULL) > 0);
	return passed();
}
