/* A handler switches from one coroutine to the next by swapcontext(3), whatever the one
 * is in the middle of, each 500 microseconds: all of them come to their end, argv[1]
 * rounds (100) of calls. */
#include "in_calls.h"
#include <stdbool.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { COROUTINES = 4, STACK = 64 * 1024 };

static ucontext_t scheduler, coroutines[COROUTINES];
static volatile int running, rounds = 100;
static volatile int done[COROUTINES];
static sigset_t only_alarm;

/* They share a thread, and so its errno. */
static void next(int signo)
{
	int kept = errno;

	(void)signo;
	CHECK(swapcontext(&coroutines[running], &scheduler) == 0);
	errno = kept;
}

/* Begun with SIGALRM blocked: swapcontext sets the mask while the stack is still that of
 * who calls it. */
static void work(int number)
{
	char name[16];

	CHECK(sigprocmask(SIG_UNBLOCK, &only_alarm, NULL) == 0);
	snprintf(name, sizeof(name), "file%d", number);
	for (int i = 0; i < rounds; i++) {
		int fd = open(name, O_RDWR | O_CREAT, 0600), found = 0;

		CHECK(fd >= 0 && pwrite(fd, &number, 4, 0) == 4);
		some_calls();
		CHECK(pread(fd, &found, 4, 0) == 4 && found == number && close(fd) == 0);
	}
	CHECK(unlink(name) == 0);
	done[number] = 1;
}

static void make(int number)
{
	ucontext_t *made = &coroutines[number];
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(stack != MAP_FAILED && getcontext(made) == 0);
	made->uc_stack = (stack_t){ .ss_sp = stack, .ss_size = STACK };
	made->uc_link = &scheduler;
	makecontext(made, (void (*)(void))work, 1, number);
}

static bool take_turns(void)
{
	bool all = true;

	for (running = 0; running < COROUTINES; running++) {
		if (done[running])
			continue;
		all = false;
		CHECK(swapcontext(&scheduler, &coroutines[running]) == 0);
	}
	return all;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = next, .sa_flags = SA_RESTART };

	if (argc > 1)
		rounds = atoi(argv[1]);
	sigemptyset(&only_alarm);
	sigaddset(&only_alarm, SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, &only_alarm, NULL) == 0);
	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	for (int i = 0; i < COROUTINES; i++)
		make(i);
	start_calls();
	alarm_each(500);
	while (!take_turns())
		;
	alarm_each(0);
	check_they_go_on();
	end_calls();
	return passed();
}
