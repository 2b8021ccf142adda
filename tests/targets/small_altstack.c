/* Alternate stacks of the sizes that were enough when registers were small: handlers
 * run on them, and what is read back is what was set. */
#include "inline.h"
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { PAGE = 4096, ENOUGH = 8192 };

static char *stack;
static volatile sig_atomic_t came;

static void show(const char *what)
{
	stack_t now;

	CHECK(sigaltstack(NULL, &now) == 0);
	printf("%s: at %s, size %zu, flags %x\n", what,
	       !now.ss_sp	    ? "0"
	       : now.ss_sp == stack ? "the stack"
				    : "another",
	       now.ss_size, (unsigned int)now.ss_flags);
}

static long set(size_t size, int flags)
{
	stack_t new = { .ss_sp = stack, .ss_size = size, .ss_flags = flags };

	return inline2(SYS_sigaltstack, &new, 0);
}

static void handler(int number)
{
	stack_t new = { .ss_sp = stack, .ss_size = ENOUGH };

	came += number == SIGUSR1;
	show("in the handler");
	told("changed in use", inline2(SYS_sigaltstack, &new, 0));
	new.ss_flags = SS_DISABLE;
	told("switched off in use", inline2(SYS_sigaltstack, &new, 0));
}

static void sizes(void)
{
	static const size_t tried[] = { 0,    1,    1000,  2047,  2048, 3000,
					4096, 8192, 16383, 16384, 32768 };

	for (unsigned int i = 0; i < sizeof(tried) / sizeof(*tried); i++) {
		printf("%zu ", tried[i]);
		told("set", set(tried[i], 0));
		show("then");
	}
	told("no such flag", set(ENOUGH, 0x10));
	told("off", set(0, SS_DISABLE));
	show("then");
	told("on stack", set(ENOUGH, SS_ONSTACK));
	show("then");
}

static void handled(size_t size)
{
	printf("handler on %zu\n", size);
	CHECK(set(size, 0) == 0 && raise(SIGUSR1) == 0);
	show("behind it");
}

/* Asked for while it is set anew: the old one is told. */
static void both(void)
{
	stack_t new = { .ss_sp = stack, .ss_size = ENOUGH }, old;

	CHECK(set(4096, 0) == 0 && sigaltstack(&new, &old) == 0);
	printf("old: %d, size %zu\n", old.ss_sp == stack, old.ss_size);
	new.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&new, &old) == 0);
	printf("old: %d, size %zu, flags %d\n", old.ss_sp == stack, old.ss_size,
	       old.ss_flags);
}

static sigjmp_buf back;

static void overflown(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	CHECK(inline0(SYS_getppid) > 0 && getppid() > 0);
	siglongjmp(back, 1);
}

static long deeper(long depth)
{
	volatile char room[512];

	memset((char *)room, (int)depth, sizeof(room));
	inline0(SYS_getppid);
	return depth > 1l << 30 ? 0 : deeper(depth + 1) + room[7];
}

static void overflow(size_t size)
{
	struct sigaction action = { .sa_sigaction = overflown,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct rlimit limit = { 256 * 1024, RLIM_INFINITY };
	volatile int times = 0;

	CHECK(set(size, 0) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
	CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
	limit.rlim_cur = 256 * 1024;
	CHECK(setrlimit(RLIMIT_STACK, &limit) == 0);
	for (; times < 5; times++)
		if (!sigsetjmp(back, 1))
			printf("%ld\n", deeper(0));
	printf("overflown on %zu: %d times\n", size, times);
	show("then");
}

static void over_fork(void)
{
	pid_t pid;

	fflush(stdout);
	CHECK((pid = fork()) >= 0);
	if (!pid) {
		show("child");
		handled(8192);
		fflush(stdout);
		_exit(0);
	}
	CHECK(wait_for(pid) == 0);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	char *map = mmap(NULL, PAGE + 65536, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Nothing below it: a handler that needs more room than it has ends here. */
	CHECK(map != MAP_FAILED && mprotect(map, PAGE, PROT_NONE) == 0);
	stack = map + PAGE;
	show("at first");
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	sizes();
	handled(8192);
	handled(16384);
	both();
	over_fork();
	overflow(8192);
	overflow(16384);
	printf("%d\n", (int)came);
	return passed();
}
