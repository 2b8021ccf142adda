/* Everything at once, under a timer of a millisecond in every thread: vector and x87
 * registers kept, jumps out of handlers, a stack overflown and handled on a small one,
 * raw clones, forks, vforks and spawned programs. */
#include "raw.h"
#include "vectors.h"
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <time.h>

enum {
	SMALL = 8 * 1024,
	JUMPS = 16,
	OVERFLOWS = 4,
	KEPT = 400,
	FILES = 60,
	FORKS = 6,
	CLONES = 8
};

extern char **environ;

static __thread sigjmp_buf out;
static __thread volatile sig_atomic_t may_jump, overflowing;
static __thread volatile unsigned long ticks;

static void tick(int number)
{
	int error = errno;

	(void)number;
	ticks++;
	CHECK(inline0(SYS_getppid) > 0 && getppid() > 0);
	errno = error;
	if (!may_jump)
		return;
	may_jump = 0;
	siglongjmp(out, 1);
}

static void overflown(int number)
{
	CHECK(number == SIGSEGV && overflowing && inline0(SYS_getppid) > 0);
	siglongjmp(out, 2);
}

/* A signal each millisecond to the thread that asks. */
static timer_t tick_here(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
				  .sigev_signo = SIGALRM };
	struct itimerspec each = { { 0, 1000000 }, { 0, 1000000 } };
	timer_t timer;

	event._sigev_un._tid = gettid();
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	CHECK(timer_settime(timer, 0, &each, NULL) == 0);
	return timer;
}

/* ---- registers ---- */

static void *registers(void *unused)
{
	timer_t timer = tick_here();

	for (int i = 1; i <= KEPT; i++) {
		vectors(i);
		x87();
	}
	timer_delete(timer);
	return unused;
}

/* ---- jumps ---- */

/* The handler jumps while we wait, or while we make one call after the other. */
static void *jumps(void *pair)
{
	timer_t timer = tick_here();
	volatile int jumped = 0;
	char byte;

	while (jumped < JUMPS) {
		if (sigsetjmp(out, 1)) {
			jumped++;
			continue;
		}
		may_jump = 1;
		switch (jumped % 4) {
		case 0: read(*(int *)pair, &byte, 1); break;
		case 1: inline3(SYS_read, *(int *)pair, &byte, 1); break;
		case 2:
			for (;;)
				inline0(SYS_getppid);
		case 3:
			for (;;)
				access("/", F_OK);
		}
		CHECK(0 && "nobody jumped");
	}
	timer_delete(timer);
	return NULL;
}

static long deeper(long depth)
{
	volatile char room[512];

	memset((char *)room, (int)depth, sizeof(room));
	inline0(SYS_getppid);
	return depth > 1l << 30 ? 0 : deeper(depth + 1) + room[7];
}

static void *overflow(void *unused)
{
	stack_t stack = { .ss_sp = raw_stack(), .ss_size = SMALL },
		off = { .ss_flags = SS_DISABLE };
	volatile int times = 0;
	timer_t timer;

	CHECK(sigaltstack(&stack, NULL) == 0);
	timer = tick_here();
	for (overflowing = 1; times < OVERFLOWS; times++)
		if (!sigsetjmp(out, 1))
			CHECK(deeper(0) && 0);
	timer_delete(timer);
	CHECK(sigaltstack(&off, NULL) == 0);
	return unused;
}

/* ---- files ---- */

static void *files(void *unused)
{
	timer_t timer = tick_here();
	char line[64];

	for (int i = 0; i < FILES; i++) {
		FILE *file = fopen("/proc/self/stat", "re");

		CHECK(file && fgets(line, sizeof(line), file) && fclose(file) == 0);
		CHECK(atoi(line) == (int)inline0(SYS_getpid));
		CHECK(inline3(SYS_openat, AT_FDCWD, "/bin/no-such-file", O_RDONLY) ==
		      -ENOENT);
		free(malloc((size_t)i * 10000));
	}
	timer_delete(timer);
	return unused;
}

/* ---- children ---- */

static int tid;

static void process(void)
{
	inline1(SYS_exit, inline0(SYS_getppid) > 0 ? 5 : 6);
}

static void thread(void)
{
	for (int i = 0; i < 20; i++)
		inline0(SYS_getppid);
	inline1(SYS_exit, 0);
}

static void clones(void)
{
	char *stack = raw_stack();
	long pid;

	for (int i = 0; i < CLONES; i++) {
		pid = raw_child(SYS_clone, SIGCHLD, (long)stack + RAW_STACK, 0, 0,
				process);
		CHECK(pid > 0 && wait_for((pid_t)pid) == 5);
		CHECK(raw_thread(stack, &tid, thread) > 0);
		raw_join(&tid);
	}
	munmap(stack, RAW_STACK);
}

static void *nothing(void *unused)
{
	return unused;
}

static void forks(void)
{
	pthread_t thread;

	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (!pid) {
			CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
			CHECK(pthread_join(thread, NULL) == 0 &&
			      inline0(SYS_getppid) == getppid());
			_exit(i);
		}
		CHECK(pid > 0 && wait_for(pid) == i);
	}
}

static void programs(void)
{
	char *args[] = { "true", NULL }, word[8];
	FILE *pipe;
	pid_t pid = vfork();

	if (!pid) {
		execve("/bin/true", args, environ);
		_exit(127);
	}
	CHECK(pid > 0 && wait_for(pid) == 0);
	CHECK((pid = (pid_t)inline0(SYS_vfork)) >= 0);
	if (!pid)
		inline1(SYS_exit_group, 9);
	CHECK(wait_for(pid) == 9);
	CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, args, environ) == 0 &&
	      wait_for(pid) == 0);
	CHECK(WEXITSTATUS(system("exit 3")) == 3);
	CHECK((pipe = popen("echo word", "re")) && fgets(word, sizeof(word), pipe));
	CHECK(!strcmp(word, "word\n") && pclose(pipe) == 0);
}

int main(void)
{
	struct sigaction act = { .sa_handler = tick,
				 .sa_flags = SA_RESTART | SA_ONSTACK };
	static void *(*const works[])(void *) = { registers, registers, jumps, overflow,
						  files };
	enum { THREADS = sizeof(works) / sizeof(*works) };
	pthread_t threads[THREADS];
	pthread_attr_t attr;
	int pair[2];

	CHECK(pipe2(pair, O_CLOEXEC) == 0 && sigaction(SIGALRM, &act, NULL) == 0);
	act = (struct sigaction){ .sa_handler = overflown, .sa_flags = SA_ONSTACK };
	sigfillset(&act.sa_mask);
	CHECK(sigaction(SIGSEGV, &act, NULL) == 0 && pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, 2 * RAW_STACK) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(threads + i, &attr, works[i], pair) == 0);
	timer_t timer = tick_here();

	clones();
	forks();
	programs();
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	timer_delete(timer);
	return passed();
}
