/* Calls getppid from where its arguments say, and prints what each returned: from `static`
 * and other functions, from a library that is dlopened, from threads, children, after exec.
 * With -DLIBRARY it is the library. */
#include "target.h"
#include "inline.h"
#include <dlfcn.h>
#include <pthread.h>

#define ALONE __attribute__((noinline, noclone))

#ifdef LIBRARY

static ALONE long deep_inside(void)
{
	return getppid() > 0 ? 0 : -1;
}

long from_library(void);
ALONE long from_library(void)
{
	long ret = getppid() > 0 ? 0 : -1;

	/* Not a jump: the call is to be from here. */
	__asm__ volatile("" ::: "memory");
	return ret;
}

long from_deep(void);
ALONE long from_deep(void)
{
	long ret = deep_inside();

	__asm__ volatile("" ::: "memory");
	return ret;
}

#else

/* Not of the same code, which the compiler would make one function of. */
#define CALLER(name, number)                                   \
	static ALONE long name(void)                           \
	{                                                      \
		long ret = getppid() > 0 ? 0 : -1;             \
		__asm__ volatile("" ::"i"(number) : "memory"); \
		return ret;                                    \
	}
CALLER(in_one, 1)
CALLER(in_two, 2)

/* With -O2 the compiler makes it in_part.constprop.0. */
static __attribute__((noinline)) long in_part(long number)
{
	long ret = getppid() > 0 ? 0 : -1;

	__asm__ volatile("" ::"r"(number) : "memory");
	return ret;
}

static ALONE long in_three(void)
{
	long first = getppid() > 0 ? 0 : -1;
	long second = getppid() > 0 ? 0 : -1;

	return first * 2 + second;
}

static ALONE long in_syscall(void)
{
	return inline0(SYS_getppid) > 0 ? 0 : -1;
}

static char **rest;
static void *library;

static long of_library(const char *name)
{
	long (*function)(void) = dlsym(library, name);

	CHECK(function);
	return function();
}

static void *named(void *name)
{
	CHECK(pthread_setname_np(pthread_self(), name) == 0);
	return (void *)(getppid() > 0 ? 0L : -1L);
}

static long in_thread(char *name)
{
	pthread_t thread;
	void *ret;

	CHECK(pthread_create(&thread, NULL, named, name) == 0);
	CHECK(pthread_join(thread, &ret) == 0);
	return (long)ret;
}

static void become(char *program)
{
	char *args[100] = { program };

	for (int i = 0; rest[i]; i++)
		args[i + 1] = rest[i];
	execv(strcmp(program, "self") ? program : "/proc/self/exe", args);
	CHECK(!"exec");
}

static long child(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		CHECK(wait_for(pid) == 0);
	return pid > 0;
}

static long opened(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static long slept(void)
{
	struct timespec now = { 0, 0 };

	return inline2(SYS_nanosleep, &((struct timespec){ 0, 300000000 }), &now);
}

static long make(const char *word)
{
	if (!strcmp(word, "one"))
		return in_one();
	if (!strcmp(word, "two"))
		return in_two();
	if (!strcmp(word, "part"))
		return in_part(7);
	if (!strcmp(word, "three"))
		return in_three();
	if (!strcmp(word, "inline"))
		return in_syscall();
	if (!strcmp(word, "fork"))
		return child();
	if (!strcmp(word, "wait"))
		return slept();
	if (!strncmp(word, "thread=", 7))
		return in_thread((char *)word + 7);
	if (!strncmp(word, "open=", 5))
		return opened(word + 5);
	if (!strncmp(word, "exec=", 5))
		become((char *)word + 5);
	if (!strncmp(word, "load=", 5)) {
		library = dlopen(word + 5, RTLD_NOW);
		return library ? 0 : -1;
	}
	return of_library(word);
}

int main(int argc, char **argv)
{
	(void)argc;
	setvbuf(stdout, NULL, _IONBF, 0);
	for (rest = argv + 1; *rest;) {
		const char *word = *rest++;
		long ret = make(word);

		printf("%.9s: %ld\n", word, ret);
	}
	return passed();
}

#endif
