/* Each 200 microseconds, argv[1] times (300), a handler makes calls, while its thread is in
 * malloc or free, or in the middle of a call; another thread does the same. */
#include "in_calls.h"

enum { KEPT = 64 };

static volatile sig_atomic_t ticks;
static int null, most = 300;

/* Where one takes longer than the next needs to come, only handlers run: so they count. */
static void tick(int signo)
{
	int kept = errno;

	CHECK(write(null, "x", 1) == 1 && getppid() > 0);
	CHECK(read(-1, &signo, 1) == -1 && errno == EBADF);
	if (++ticks >= most)
		alarm_each(0);
	errno = kept;
}

static void allocate(void *blocks[KEPT], unsigned int round)
{
	unsigned int at = round * 7 % KEPT;
	size_t size = 16u << round % 15;

	free(blocks[at]);
	blocks[at] = malloc(size);
	CHECK(blocks[at]);
	memset(blocks[at], (int)round, size < 256 ? size : 256);
}

static void *works(void *arg)
{
	void *blocks[KEPT] = { NULL };

	for (unsigned int round = 0; ticks < most; round++) {
		allocate(blocks, round);
		if (round % 64 == 0)
			some_calls();
	}
	for (int i = 0; i < KEPT; i++)
		free(blocks[i]);
	return arg;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = tick, .sa_flags = SA_RESTART };
	pthread_t thread;

	if (argc > 1)
		most = atoi(argv[1]);
	null = open("/dev/null", O_WRONLY);
	CHECK(sigaction(SIGALRM, &act, NULL) == 0);
	alarm_each(200);
	CHECK(pthread_create(&thread, NULL, works, NULL) == 0);
	works(NULL);
	CHECK(pthread_join(thread, NULL) == 0);
	return passed();
}
