/* A thread with 16 KiB of stack, the least there is, makes calls: whatever stands
 * between it and libc must fit. libc's own part of some is large. */
#include "target.h"
#include <pthread.h>
#include <sys/stat.h>

static void larger(void)
{
	char *args[] = { "true", NULL }, text[64], path[] = "/";
	struct stat st;
	pid_t pid;
	FILE *stream = fopen("/dev/null", "w");

	CHECK(snprintf(text, sizeof(text), "%.3f %s", 1.5, path) > 0);
	CHECK(stream && fprintf(stream, "%s %d", text, 7) > 0 && fclose(stream) == 0);
	CHECK(stat("/", &st) == 0 && readlink("/proc/self/exe", text, sizeof(text)) > 0);
	CHECK(rename("/no/such", "/no/other") == -1 && access("/no/such", F_OK) == -1);
	pid = fork();
	if (pid == 0) {
		execv("/bin/true", args);
		_exit(1);
	}
	CHECK(pid > 0 && wait_for(pid) == 0);
}

static void *calls(void *arg)
{
	char byte;

	for (int i = 0; i < 100; i++) {
		int fd = open("/dev/zero", O_RDONLY);

		CHECK(fd >= 0 && read(fd, &byte, 1) == 1 && close(fd) == 0);
	}
	larger();
	return arg;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 16 * 1024) == 0);
	CHECK(pthread_create(&thread, &attr, calls, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	return passed();
}
