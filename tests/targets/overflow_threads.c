/* argv[1] times (32) a thread overflows its stack in the middle of calls, each time some
 * bytes further on, and the handler of SIGSEGV jumps out, while others make calls: all
 * must be able to go on. */
#include "in_calls.h"
#include <alloca.h>
#include <setjmp.h>

enum { STACK = 64 * 1024, STEP = 112 };

static sigjmp_buf back;
static volatile int times = 32, overflown;

static void overflow(int signo)
{
	(void)signo;
	CHECK(getppid() > 0);
	siglongjmp(back, 1);
}

static long deeper(long depth)
{
	volatile char room[256];

	memset((char *)room, (int)depth, sizeof(room));
	CHECK(getppid() > 0 && access("/no/such", F_OK) == -1);
	return depth > 1l << 30 ? 0 : deeper(depth + 1) + room[7];
}

static void *overflows(void *arg)
{
	static char alternate[STACK];
	stack_t stack = { .ss_sp = alternate, .ss_size = STACK };

	CHECK(sigaltstack(&stack, NULL) == 0);
	for (; overflown < times; overflown++) {
		volatile char *further = alloca(16);

		further[0] = 1;
		if (sigsetjmp(back, 1))
			continue;
		further = alloca((size_t)(overflown * STEP % 4096 + 16));
		further[0] = 1;
		CHECK(deeper(0) && 0);
	}
	some_calls();
	return arg;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = overflow, .sa_flags = SA_ONSTACK };
	pthread_attr_t attr;
	pthread_t thread;

	if (argc > 1)
		times = atoi(argv[1]);
	CHECK(sigaction(SIGSEGV, &act, NULL) == 0);
	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, STACK) == 0);
	start_calls();
	CHECK(pthread_create(&thread, &attr, overflows, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	printf("%d\n", (int)overflown);
	check_they_go_on();
	end_calls();
	return passed();
}
