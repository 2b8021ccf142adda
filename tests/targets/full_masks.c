/* Every signal blocked, in every way a program has, and what it reads back of it:
 * nothing is missing and nothing too much. */
#include "inline.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

/* As the kernel has it, in one word. */
static unsigned long word(const sigset_t *set)
{
	unsigned long bits;

	memcpy(&bits, set, sizeof(bits));
	return bits;
}

static void now(const char *where)
{
	sigset_t set;
	unsigned long bits = 0;

	CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
	CHECK(inline4(SYS_rt_sigprocmask, SIG_BLOCK, 0, &bits, 8) == 0 &&
	      bits == word(&set));
	printf("%s: %016lx\n", where, bits);
}

static void handler(int number)
{
	(void)number;
}

static void by_handlers(void)
{
	struct sigaction action = { .sa_handler = handler }, back;

	sigfillset(&action.sa_mask);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0 &&
	      sigaction(SIGUSR1, NULL, &back) == 0);
	printf("sa_mask: %016lx\n", word(&back.sa_mask));
	CHECK(raise(SIGUSR1) == 0);
	now("after the handler");
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGSYS);
	CHECK(sigaction(SIGUSR1, &action, &back) == 0);
	printf("sa_mask before: %016lx\n", word(&back.sa_mask));
	CHECK(raise(SIGUSR1) == 0);
}

static void by_jumps(void)
{
	sigjmp_buf back;
	ucontext_t context;
	sigset_t all, none;
	volatile int again = 0;

	sigfillset(&all);
	sigemptyset(&none);
	CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	if (!sigsetjmp(back, 1)) {
		CHECK(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
		siglongjmp(back, 1);
	}
	now("jumped back");
	CHECK(getcontext(&context) == 0);
	if (!again++) {
		printf("context: %016lx\n", word(&context.uc_sigmask));
		CHECK(sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
		      setcontext(&context) == 0);
	}
	now("context set");
	CHECK(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
}

static void *thread(void *full)
{
	now(full ? "thread of a full one" : "thread");
	return NULL;
}

static void by_threads(void)
{
	pthread_t id;
	sigset_t all, before;

	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
	printf("before: %016lx\n", word(&before));
	CHECK(pthread_create(&id, NULL, thread, &all) == 0 &&
	      pthread_join(id, NULL) == 0);
	now("starter");
	CHECK(pthread_sigmask(SIG_SETMASK, &before, &all) == 0);
	printf("before: %016lx\n", word(&all));
	CHECK(pthread_create(&id, NULL, thread, NULL) == 0 &&
	      pthread_join(id, NULL) == 0);
}

static void by_fork(void)
{
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		now("child");
		fflush(stdout);
		_exit(0);
	}
	CHECK(pid > 0 && wait_for(pid) == 0);
	CHECK(sigprocmask(SIG_UNBLOCK, &all, NULL) == 0);
	now("parent");
}

/* One after the other: block and unblock count for SIGSYS as for others. */
static void by_steps(void)
{
	unsigned long bit = 1ul << (SIGSYS - 1), old;

	for (int how = SIG_BLOCK; how <= SIG_SETMASK + 1; how++) {
		old = 0;
		told("rt_sigprocmask", inline4(SYS_rt_sigprocmask, how, &bit, &old, 8));
		printf("old %016lx\n", old);
		now("then");
	}
	old = bit;
	told("in one place", inline4(SYS_rt_sigprocmask, SIG_UNBLOCK, &old, &old, 8));
	printf("old %016lx\n", old);
	now("at last");
}

int main(void)
{
	sigset_t all;

	sigfillset(&all);
	now("start");
	CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	now("full");
	CHECK(getppid() > 0 && access("/", F_OK) == 0);
	sigemptyset(&all);
	CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	now("empty");
	by_handlers();
	by_jumps();
	by_threads();
	by_fork();
	by_steps();
	return passed();
}
