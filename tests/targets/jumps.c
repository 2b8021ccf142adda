/* Every way to leave a handler that has interrupted a call, other than to return: the
 * call never ends, its frames are gone, and the next calls must be as if it never was. */
#include "target.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STACK = 64 * 1024, TIMES = 20 };

static sigjmp_buf safe;
static jmp_buf plain;
static ucontext_t before;
static int pair[2];
static int way;

/* SIGALRM comes while read waits: for ever, were it not for this. */
static void leave(int signo)
{
	sigset_t set;

	CHECK(getppid() > 0 && access("/", F_OK) == 0);
	sigemptyset(&set);
	sigaddset(&set, signo);
	switch (way) {
	case 0: siglongjmp(safe, 1);
	case 1: sigprocmask(SIG_UNBLOCK, &set, NULL); longjmp(plain, 1);
	case 2: sigprocmask(SIG_UNBLOCK, &set, NULL); _longjmp(plain, 1);
	case 3: setcontext(&before);
	}
	_exit(1);
}

static void block(void)
{
	char byte;

	CHECK(ualarm(2000, 0) == 0);
	CHECK(read(pair[0], &byte, 1) == -2 && "read returned");
}

static void once(void)
{
	volatile int back = 0;

	switch (way) {
	case 0: if (!sigsetjmp(safe, 1)) block(); break;
	case 1: if (!setjmp(plain)) block(); break;
	case 2: if (!_setjmp(plain)) block(); break;
	case 3:
		CHECK(getcontext(&before) == 0);
		if (!back++)
			block();
		break;
	}
}

static void calls(void)
{
	static int first;
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	if (!first)
		first = fd;
	CHECK(fd == first && read(fd, &byte, 1) == 1 && close(fd) == 0);
	CHECK(read(-1, &byte, 1) == -1 && errno == EBADF);
}

static void all_ways(const char *where, int flags)
{
	struct sigaction act = { .sa_handler = leave, .sa_flags = flags };

	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	for (way = 0; way < 4; way++) {
		for (int i = 0; i < TIMES; i++) {
			once();
			calls();
		}
		printf("%s, way %d\n", where, way);
	}
}

/* Out of the handler by a switch to another context, which makes calls, and back. */
static ucontext_t handler_context, other_context;
static char other_stack[STACK];
static int switched;

static void other(void)
{
	for (;;) {
		calls();
		switched++;
		CHECK(swapcontext(&other_context, &handler_context) == 0);
	}
}

static void switch_away(int signo)
{
	(void)signo;
	CHECK(swapcontext(&handler_context, &other_context) == 0);
}

static void there_and_back(void)
{
	struct sigaction act = { .sa_handler = switch_away };
	char byte;

	CHECK(getcontext(&other_context) == 0);
	sigaddset(&other_context.uc_sigmask, SIGALRM);
	other_context.uc_stack = (stack_t){ .ss_sp = other_stack, .ss_size = STACK };
	makecontext(&other_context, other, 0);
	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	/* Again and again: on a slow machine it may come before read waits. */
	for (int i = 0; i < TIMES; i++) {
		ualarm(2000, 100000);
		CHECK(read(pair[0], &byte, 1) == -1 && errno == EINTR);
		ualarm(0, 0);
		calls();
	}
	CHECK(switched >= TIMES);
	printf("there and back\n");
}

int main(void)
{
	static char alternate[STACK];
	stack_t stack = { .ss_sp = alternate, .ss_size = STACK };

	CHECK(pipe(pair) == 0);
	all_ways("own stack", 0);
	CHECK(sigaltstack(&stack, NULL) == 0);
	all_ways("alternate stack", SA_ONSTACK);
	there_and_back();
	return passed();
}
