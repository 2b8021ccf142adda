/* Makes calls that wait, as its arguments say, and prints what each returned. What ends the
 * waiting is a signal that somebody else has to send; its handler wakes those that go on
 * (SA_RESTART) by a byte or a post. */
#include "target.h"
#include "inline.h"
#include "words.h"
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>

enum { MUCH = 1 << 17 };

static int ends[2];
static sem_t sem;
static volatile sig_atomic_t handled, waking, jumping;
static _Thread_local volatile sig_atomic_t handled_here;
static sigjmp_buf out;

static void handle(int signo)
{
	(void)signo;
	handled++;
	handled_here++;
	if (jumping)
		siglongjmp(out, 1);
	if (waking) {
		inline3(SYS_write, ends[1], "x", 1);
		sem_post(&sem);
	}
}

static long handler(int flags)
{
	struct sigaction act = { .sa_handler = handle, .sa_flags = flags };

	waking = flags & SA_RESTART;
	return sigaction(SIGUSR1, &act, NULL);
}

static long by_handler(void) { return handler(0); }
static long by_restart(void) { return handler(SA_RESTART); }
static long by_handled(void) { return handled; }
static long by_read(void) { return read(ends[0], &(char){ 0 }, 1); }
static long by_sem_wait(void) { return sem_wait(&sem); }
static long by_pause(void) { return pause(); }
static long by_poll(void) { return poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, -1); }
static long by_nanosleep(void) { return nanosleep(&(struct timespec){ 600, 0 }, NULL); }
/* With what is left of it to be told where nobody may write. */
static long by_unwritable(void)
{
	static const struct timespec left = { 0, 0 };

	return nanosleep(&(struct timespec){ 0, 1 }, (struct timespec *)&left);
}

static long by_kill(void) { return raise(SIGUSR1); }

static long by_inline(void)
{
	long ret = inline3(SYS_read, ends[0], &(char){ 0 }, 1);

	errno = ret < 0 ? (int)-ret : 0;
	return ret < 0 ? -1 : ret;
}

/* What is there is had without waiting. */
static long by_ready(void)
{
	CHECK(inline3(SYS_write, ends[1], "x", 1) == 1);
	return by_read();
}

/* As much as the pipe has room for is written before the waiting begins. */
static long by_partial(void)
{
	static char much[MUCH];
	int pair[2];
	long ret;

	CHECK(pipe(pair) == 0);
	ret = write(pair[1], much, MUCH);
	close(pair[0]);
	close(pair[1]);
	return ret;
}

static long by_accept(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr any = { .sa_family = AF_UNIX };
	long ret;

	CHECK(bind(fd, &any, sizeof(sa_family_t)) == 0 && listen(fd, 1) == 0);
	ret = accept(fd, NULL, NULL);
	close(fd);
	return ret;
}

static long by_wait(void)
{
	pid_t child = fork();
	int error;
	long ret;

	CHECK(child >= 0);
	if (!child)
		for (;;)
			inline0(SYS_pause);
	ret = waitpid(child, NULL, 0);
	error = errno;
	kill(child, SIGKILL);
	CHECK(wait_for(child) == 128 + SIGKILL);
	errno = error;
	return ret;
}

static long by_jump(void)
{
	jumping = 1;
	if (sigsetjmp(out, 1)) {
		jumping = 0;
		return 7;
	}
	return by_read();
}

static void *reads(void *arg)
{
	int pair[2], error;
	long ret;

	(void)arg;
	CHECK(pipe(pair) == 0);
	ret = read(pair[0], &(char){ 0 }, 1);
	error = errno;
	CHECK(ret == -1 && error == EINTR && handled_here == 1);
	return NULL;
}

/* Each gets a signal of its own. */
static long by_threads(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, reads, NULL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return 4;
}

static long by_fork(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		CHECK(wait_for(pid) == 0);
	return pid > 0;
}

/* Has waited in no call but this one, which is another's than the one that was left. */
static __attribute__((noinline)) long poll_below(int frames, int ms)
{
	volatile char room[400];
	long ret;

	room[0] = 0;
	ret = frames ? poll_below(frames - 1, ms) : poll(NULL, 0, ms);
	return ret + room[0];
}

/* A thread is cancelled in its read, and the next one waits in a poll. */
static void *reads_alone(void *arg)
{
	read(ends[0], &(char){ 0 }, 1);
	return arg;
}

static void *polls_alone(void *arg)
{
	*(long *)arg = poll_below(0, 300);
	return NULL;
}

static long by_cancelled(void)
{
	pthread_t thread;
	long ret = -1;

	CHECK(pthread_create(&thread, NULL, reads_alone, NULL) == 0);
	CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
	CHECK(pthread_create(&thread, NULL, polls_alone, &ret) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	return ret;
}

/* Another thread sends SIGALRM as soon as this one sleeps. */
static void *alarms(void *arg)
{
	pid_t tid = *(pid_t *)arg;
	char name[64], text[64] = "";
	int fd;

	snprintf(name, sizeof(name), "/proc/self/task/%d/syscall", tid);
	CHECK((fd = open(name, O_RDONLY)) >= 0);
	while (strncmp(text, "0 ", 2))
		CHECK(syscall(SYS_pread64, fd, text, sizeof(text), 0) > 0);
	CHECK(syscall(SYS_tgkill, getpid(), tid, SIGALRM) == 0);
	close(fd);
	return NULL;
}

static long read_alarmed(void (*handle_alarm)(int))
{
	struct sigaction act = { .sa_handler = handle_alarm, .sa_flags = SA_RESTART };
	pid_t tid = gettid();
	pthread_t thread;
	volatile long ret = -2;

	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	CHECK(pthread_create(&thread, NULL, alarms, &tid) == 0);
	if (!sigsetjmp(out, 1))
		ret = by_read();
	CHECK(pthread_join(thread, NULL) == 0);
	return ret;
}

static void jump_out(int signo)
{
	siglongjmp(out, signo);
}

static long by_left(void)
{
	CHECK(read_alarmed(jump_out) == -2);
	return poll_below(5, 600);
}

static volatile long polled = -1;

static void poll_in_handler(int signo)
{
	(void)signo;
	polled = poll_below(0, 600);
	inline3(SYS_write, ends[1], "x", 1);
}

static long by_nested(void)
{
	CHECK(read_alarmed(poll_in_handler) == 1);
	return polled;
}

static const struct word words[] = {
#define WORD(name) { #name, by_##name }
	WORD(handler), WORD(restart), WORD(handled), WORD(read), WORD(sem_wait), WORD(pause),
	WORD(poll), WORD(nanosleep), WORD(kill), WORD(inline), WORD(ready), WORD(partial),
	WORD(accept), WORD(wait), WORD(jump), WORD(threads), WORD(fork), WORD(start),
	WORD(slow), WORD(unwritable), WORD(cancelled), WORD(left), WORD(nested),
};

int main(int argc, char **argv)
{
	(void)argc;
	setvbuf(stdout, NULL, _IONBF, 0);
	CHECK(pipe(ends) == 0 && sem_init(&sem, 0, 0) == 0);
	while (*++argv)
		word_returned(*argv, make_word(words, *argv));
	return passed();
}
