/* Each function that returns twice, somewhere else or never, or that looks at who called
 * it, by every name it has. Words choose what is done, in that order; without any, all.
 * -DLIBRARY makes the library that JUMP_LIBRARY names for `libraries`. */
#include "target.h"
#include <dlfcn.h>
#ifdef LIBRARY

int whose(void);
void *opened_beside(const char *name);
void *next_whose(void);

int whose(void) { return LIBRARY; }
/* Found by this library's RUNPATH alone. */
void *opened_beside(const char *name) { return dlopen(name, RTLD_NOW); }
/* Nobody comes after this library, so nobody has it. */
void *next_whose(void) { return dlsym(RTLD_NEXT, "whose"); }

#else
#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <threads.h>
#include <time.h>
#include <ucontext.h>

enum { LEFT = 1234, STACK = 64 * 1024 };

pid_t __vfork(void);
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int arch_prctl(int code, unsigned long addr);
int __arch_prctl(int code, unsigned long addr);
int _setjmp(jmp_buf env);
void _longjmp(jmp_buf env, int value) __attribute__((noreturn));
void __longjmp_chk(jmp_buf env, int value) __attribute__((noreturn));
#undef setjmp
#undef _setjmp
int setjmp(jmp_buf env) __attribute__((returns_twice));

static volatile int handled;

static void handler(int signo) { (void)signo, handled++; }

/* ---- children ---- */

static void child_of(const char *what, pid_t pid, int status)
{
	report(what, pid);
	if (pid > 0)
		CHECK(wait_for(pid) == status);
}

static void vforks(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(3);
	child_of("vfork", pid, 3);
	pid = __vfork();
	if (pid == 0)
		_exit(4);
	child_of("__vfork", pid, 4);
	pid = vfork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 5", NULL);
		_exit(99);
	}
	child_of("vfork, exec", pid, 5);
	pid = _Fork();
	if (pid == 0)
		_exit(getppid() > 1 ? 6 : 99);
	child_of("_Fork", pid, 6);
}

static int in_clone(void *arg) { return *(int *)arg; }

/* Seven arguments, the last on the stack. */
static void clones(void)
{
	static char stack[2][STACK] __attribute__((aligned(16)));
	int status = 7, parent_tid = 0, child_tid = 0;
	int flags = CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD;
	pid_t pid = clone(in_clone, stack[0] + STACK, SIGCHLD, &status);

	child_of("clone", pid, 7);
	pid = __clone(in_clone, stack[1] + STACK, flags, &status, &parent_tid, NULL,
		      &child_tid);
	child_of("__clone", pid, 7);
	CHECK(pid < 0 || (parent_tid == pid && child_tid == pid));
}

/* ---- ends ---- */

static void at_end(void) { CHECK(write(1, "at the end\n", 11) == 11); }

static void *ends_thread(void *arg) { pthread_exit(arg); }
static int ends_thrd(void *arg) { thrd_exit(*(int *)arg); }

static void end(const char *how)
{
	CHECK(atexit(at_end) == 0 && at_quick_exit(at_end) == 0);
	if (!strcmp(how, "exit"))
		exit(8);
	if (!strcmp(how, "quick_exit"))
		quick_exit(9);
	abort();
}

static void ends(void)
{
	static const char *const ways[] = { "exit", "quick_exit", "abort" };
	int seven = 7, result = 0;
	void *value = NULL;
	pthread_t thread;
	thrd_t thrd;

	for (int i = 0; i < 3; i++) {
		fflush(stdout);
		pid_t pid = fork();

		if (pid == 0)
			end(ways[i]);
		printf("%s: %d\n", ways[i], wait_for(pid));
	}
	CHECK(pthread_create(&thread, NULL, ends_thread, &seven) == 0);
	CHECK(pthread_join(thread, &value) == 0 && value == &seven);
	CHECK(thrd_create(&thrd, ends_thrd, &seven) == thrd_success);
	CHECK(thrd_join(thrd, &result) == thrd_success && result == 7);
	printf("threads: %d\n", result);
}

/* ---- back to a place ---- */

static jmp_buf place;
static sigjmp_buf safe;

static __attribute__((noinline)) void leave(int way, int value)
{
	errno = LEFT;
	switch (way) {
	case 0: longjmp(place, value);
	case 1: _longjmp(place, value);
	case 2: __longjmp_chk(place, value);
	default: siglongjmp(safe, value);
	}
}

static void back(const char *what, int way, int got, int kept)
{
	if (got == 0) {
		CHECK(errno == LEFT);
		leave(way, way);
	}
	printf("%s: %d, %d\n", what, got, kept);
	CHECK(errno == LEFT && kept == way * 11);
}

static void places(void)
{
	sigset_t none, now;

	sigemptyset(&none);
	sigaddset(&none, SIGUSR2);
	for (volatile int way = 0; way < 3; way++) {
		errno = LEFT;
		back("setjmp", way, setjmp(place), way * 11);
		errno = LEFT;
		back("_setjmp", way, _setjmp(place), way * 11);
	}
	errno = LEFT;
	int got = sigsetjmp(safe, 1);

	if (got == 0)
		CHECK(sigprocmask(SIG_BLOCK, &none, NULL) == 0);
	back("sigsetjmp", 3, got, 33);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR2));
}

/* ---- contexts ---- */

static ucontext_t here, there;
static int sum;

static void elsewhere(int a, int b, int c, int d, int e, int f, int g, int h)
{
	sum = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
	CHECK(swapcontext(&there, &here) == 0);
	sum *= 2;
}

static void contexts(void)
{
	static char stack[STACK];
	volatile int times = 0;

	CHECK(getcontext(&there) == 0);
	there.uc_stack = (stack_t){ .ss_sp = stack, .ss_size = STACK };
	there.uc_link = &here;
	makecontext(&there, (void (*)(void))elsewhere, 8, 1, 2, 3, 4, 5, 6, 7, 8);
	CHECK(swapcontext(&here, &there) == 0);
	printf("makecontext: %d\n", sum);
	CHECK(swapcontext(&here, &there) == 0);
	printf("to its end: %d\n", sum);
	errno = LEFT;
	CHECK(getcontext(&here) == 0 && errno == LEFT);
	if (times++ < 3)
		setcontext(&here);
	printf("getcontext: %d times\n", times);
}

/* ---- libraries ---- */

int whose(void);
int whose(void) { return 0; }

static void *symbol(void *library, const char *name)
{
	void *found = dlsym(library, name);

	CHECK(found);
	return found;
}

static void beside(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	printf("library: %s\n", library ? "ok" : dlerror());
	if (!library)
		return;
	void *inner = ((void *(*)(const char *))symbol(library, "opened_beside"))("beside.so");
	int (*of_inner)(void) = (int (*)(void))(inner ? symbol(inner, "whose") : NULL);
	int (*of_default)(void) = (int (*)(void))symbol(RTLD_DEFAULT, "whose");
	void *next = ((void *(*)(void))symbol(library, "next_whose"))();

	printf("of its RUNPATH: %d\n", of_inner ? of_inner() : -1);
	printf("by default: %d, next: %s\n", of_default(), next ? "somebody" : "nobody");
	CHECK(dlclose(library) == 0);
}

static void libraries(void)
{
	const char *path = getenv("JUMP_LIBRARY");
	void *libm = dlopen("libm.so.6", RTLD_LAZY), *other;
	const char *text;
	Dl_info info;

	printf("dlopen: %s\n", libm ? "ok" : "NULL");
	errno = LEFT;
	other = libm ? dlsym(libm, "cos") : NULL;
	CHECK(!other || errno == LEFT);
	printf("dlsym: %s\n", other ? "ok" : "NULL");
	printf("dlsym missing: %s\n", dlsym(RTLD_DEFAULT, "no_such") ? "ok" : "NULL");
	text = dlerror();
	printf("dlerror: %s\n", text ? strstr(text, "undefined") : "nothing");
	printf("dlvsym: %d\n", dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_2.2.5")
	       != dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_2.14"));
	printf("dladdr: %d\n", dladdr((void *)whose, &info) && info.dli_fbase);
	printf("dlclose: %d\n", libm ? dlclose(libm) : 0);
	other = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);
	printf("dlmopen: %s\n", other && dlsym(other, "cos") ? "ok" : "NULL");
	if (path)
		beside(path);
}

static void pointer(void)
{
	unsigned long fs = 0, too = 0;

	CHECK(arch_prctl(ARCH_GET_FS, (unsigned long)&fs) == 0 && fs);
	CHECK(__arch_prctl(ARCH_GET_FS, (unsigned long)&too) == 0 && fs == too);
	report("arch_prctl", arch_prctl(0x7777, 0));
}

/* ---- */

static void slow(void)
{
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	contexts();
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("slow: %d\n", (after.tv_sec - before.tv_sec) * 1000000000l
	       + after.tv_nsec - before.tv_nsec >= 150000000);
}

static void how_many(void) { printf("handled: %d\n", handled); }

static const struct {
	const char *name;
	void (*run)(void);
} words[] = {
	{ "vforks", vforks }, { "clones", clones }, { "ends", ends }, { "places", places },
	{ "contexts", contexts }, { "libraries", libraries }, { "pointer", pointer },
	{ "slow", slow }, { "handled", how_many },
};

int main(int argc, char **argv)
{
	CHECK(signal(SIGUSR1, handler) != SIG_ERR);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc == 1 && i < 7; i++)
		words[i].run();
	for (int at = 1; at < argc; at++)
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (!strcmp(argv[at], words[i].name))
				words[i].run();
	puts("EXIT-SUCCESS");
	exit(0);
}
#endif
