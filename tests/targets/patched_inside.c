/* A read that libc makes by itself, for getc(3), is interrupted: with SA_RESTART it goes
 * on, without it ends, a jump out of the handler leaves it, and a cancelled thread cleans
 * up on its way out of it. The same for a thread that is cancelled at any moment. */
#include "target.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>

enum { TIMES = 20 };

static FILE *stream;
static int out, cleaned;
static volatile sig_atomic_t handled, jumps;
static sigjmp_buf back;
static pid_t reader;

static void handler(int sig)
{
	(void)sig;
	handled++;
	if (jumps)
		siglongjmp(back, 1);
}

static void handle(int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* proc(5) tells the number of the syscall that a thread waits in. */
static void wait_till_it_reads(void)
{
	char path[64];
	int number = -1;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall",
		 __atomic_load_n(&reader, __ATOMIC_ACQUIRE));
	while (number != SYS_read) {
		FILE *doing = fopen(path, "r");

		CHECK(doing);
		if (fscanf(doing, "%d", &number) != 1)
			number = -1;
		fclose(doing);
	}
}

static void signal_it(void)
{
	int before = handled;

	wait_till_it_reads();
	CHECK(syscall(SYS_tgkill, getpid(), reader, SIGUSR1) == 0);
	while (handled == before)
		;
}

static void *interrupt(void *restarts)
{
	signal_it();
	if (restarts) {
		wait_till_it_reads();
		CHECK(write(out, "x", 1) == 1);
	}
	return NULL;
}

static void start(pthread_t *thread, void *(*function)(void *), void *arg)
{
	CHECK(pthread_create(thread, NULL, function, arg) == 0);
}

static void interrupted(int flags, int expected)
{
	pthread_t thread;

	handle(flags);
	for (int i = 0; i < TIMES; i++) {
		start(&thread, interrupt, flags ? &thread : NULL);
		errno = 0;
		CHECK(getc_unlocked(stream) == expected);
		CHECK(flags || errno == EINTR);
		clearerr(stream);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	CHECK(handled == TIMES);
	handled = 0;
}

static void jumped_out_of(void)
{
	pthread_t thread;

	jumps = 1;
	for (volatile int i = 0; i < TIMES; i++) {
		start(&thread, interrupt, NULL);
		if (!sigsetjmp(back, 1))
			CHECK(getc_unlocked(stream) == -2);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	CHECK(handled == TIMES);
	jumps = 0;
}

static void clean(int *held)
{
	cleaned += *held;
}

static void *read_one(void *arg)
{
	__attribute__((cleanup(clean))) int held = 1;

	__atomic_store_n(&reader, gettid(), __ATOMIC_RELEASE);
	return getc_unlocked(stream) == -2 ? arg : NULL;
}

static void *ask_for_ever(void *arg)
{
	__attribute__((cleanup(clean))) int held = 1;

	CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
	for (;;) {
		syscall(SYS_getppid);
		__atomic_store_n(&reader, gettid(), __ATOMIC_RELEASE);
	}
	return arg;
}

static void cancelled(void *(*function)(void *))
{
	cleaned = 0;
	for (int i = 0; i < TIMES; i++) {
		pthread_t thread;
		void *result;

		__atomic_store_n(&reader, 0, __ATOMIC_RELAXED);
		start(&thread, function, NULL);
		while (!__atomic_load_n(&reader, __ATOMIC_ACQUIRE))
			;
		if (function == read_one)
			wait_till_it_reads();
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_join(thread, &result) == 0);
		CHECK(result == PTHREAD_CANCELED);
	}
	CHECK(cleaned == TIMES);
}

int main(void)
{
	int pair[2];

	CHECK(pipe(pair) == 0 && (stream = fdopen(pair[0], "r")));
	out = pair[1];
	setvbuf(stream, NULL, _IONBF, 0);
	reader = gettid();
	interrupted(SA_RESTART, 'x');
	interrupted(0, EOF);
	jumped_out_of();
	cancelled(read_one);
	cancelled(ask_for_ever);
	return passed();
}
