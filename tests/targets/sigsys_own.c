/* SIGSYS as a signal like others: handled, ignored and blocked, by the ways there are
 * to send it; and its default, which is death. */
#include "inline.h"
#include <pthread.h>
#include <sys/types.h>
#include <signal.h>
#include <ucontext.h>

static volatile sig_atomic_t came, code, value, on_stack, blocked;
static char alternate[64 * 1024];

static void handler(int number, siginfo_t *info, void *context)
{
	stack_t stack;
	sigset_t now;

	(void)context;
	CHECK(number == SIGSYS && info->si_signo == SIGSYS);
	came++;
	code = info->si_code;
	value = info->si_code == SI_QUEUE ? info->si_value.sival_int : 0;
	CHECK(sigaltstack(NULL, &stack) == 0 &&
	      sigprocmask(SIG_BLOCK, NULL, &now) == 0);
	on_stack = !!(stack.ss_flags & SS_ONSTACK);
	blocked = sigismember(&now, SIGSYS) + 2 * sigismember(&now, SIGUSR1) +
		  4 * sigismember(&now, SIGUSR2);
	CHECK(getppid() > 0 && inline0(SYS_getppid) > 0);
}

static void simple(int number)
{
	came += number == SIGSYS;
}

static void seen(const char *what)
{
	printf("%s: came %d, code %d, value %d, on alternate stack %d, blocked in it "
	       "%d\n",
	       what, (int)came, (int)code, (int)value, (int)on_stack, (int)blocked);
	came = code = value = 0;
}

static void handle(int flags, int in_mask)
{
	struct sigaction action = { .sa_sigaction = handler,
				    .sa_flags = SA_SIGINFO | flags },
			 back;

	sigemptyset(&action.sa_mask);
	if (in_mask)
		sigaddset(&action.sa_mask, in_mask);
	CHECK(sigaction(SIGSYS, &action, NULL) == 0 &&
	      sigaction(SIGSYS, NULL, &back) == 0);
	CHECK(back.sa_sigaction == handler &&
	      (back.sa_flags & ~0x04000000) == (SA_SIGINFO | flags));
	CHECK(sigismember(&back.sa_mask, SIGUSR1) == (in_mask == SIGUSR1));
}

static void sent(void)
{
	handle(0, 0);
	CHECK(raise(SIGSYS) == 0);
	seen("raise");
	CHECK(kill(getpid(), SIGSYS) == 0);
	seen("kill");
	CHECK(pthread_kill(pthread_self(), SIGSYS) == 0);
	seen("pthread_kill");
	CHECK(sigqueue(getpid(), SIGSYS, (union sigval){ 42 }) == 0);
	seen("sigqueue");
	CHECK(signal(SIGSYS, simple) != SIG_ERR && raise(SIGSYS) == 0);
	seen("signal");
	CHECK(signal(SIGSYS, SIG_IGN) == simple && raise(SIGSYS) == 0);
	seen("ignored");
	CHECK(signal(SIGSYS, SIG_DFL) == SIG_IGN);
}

static void flags(void)
{
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction back;

	handle(SA_NODEFER, SIGUSR1);
	CHECK(raise(SIGSYS) == 0);
	seen("not deferred, SIGUSR1");
	handle(SA_ONSTACK, SIGUSR2);
	CHECK(raise(SIGSYS) == 0);
	seen("no stack, SIGUSR2");
	CHECK(sigaltstack(&stack, NULL) == 0 && raise(SIGSYS) == 0);
	seen("on a stack");
	stack.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&stack, NULL) == 0);
	handle(SA_RESETHAND, 0);
	CHECK(raise(SIGSYS) == 0 && sigaction(SIGSYS, NULL, &back) == 0);
	seen("once");
	printf("reset: %d\n", back.sa_handler == SIG_DFL);
}

static void held_back(void)
{
	sigset_t set, pending, now;

	handle(0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	CHECK(sigqueue(getpid(), SIGSYS, (union sigval){ 7 }) == 0 && getppid() > 0);
	CHECK(sigpending(&pending) == 0 && sigprocmask(SIG_BLOCK, NULL, &now) == 0);
	printf("pending %d, blocked %d, came %d\n", sigismember(&pending, SIGSYS),
	       sigismember(&now, SIGSYS), (int)came);
	CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	seen("unblocked");
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGSYS) == 0);
	CHECK(signal(SIGSYS, SIG_IGN) != SIG_ERR && sigpending(&pending) == 0);
	printf("pending when ignored %d\n", sigismember(&pending, SIGSYS));
	CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	seen("ignored meanwhile");
}

static void suspended(void)
{
	sigset_t set, none;

	handle(0, 0);
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGSYS) == 0);
	CHECK(sigsuspend(&none) == -1 && errno == EINTR);
	seen("in sigsuspend");
	CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	seen("no more");
}

static void death(const char *what, int blocked_first)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	CHECK(signal(SIGSYS, SIG_DFL) != SIG_ERR && (pid = fork()) >= 0);
	if (!pid) {
		CHECK(!blocked_first || sigprocmask(SIG_BLOCK, &set, NULL) == 0);
		CHECK(raise(SIGSYS) == 0 && blocked_first);
		CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && 0);
	}
	printf("%s: %d\n", what, wait_for(pid));
}

int main(void)
{
	sent();
	flags();
	held_back();
	suspended();
	death("default", 0);
	death("default, when unblocked", 1);
	return passed();
}
