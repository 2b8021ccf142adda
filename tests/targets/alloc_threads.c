/* Threads that allocate as they begin, run and end, one after the other, while the process
 * forks: children allocate, too, and make threads of their own. */
#include "target.h"
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 25, BLOCKS = 20 };

static pthread_key_t key;

/* Runs when the thread is nearly gone. */
static void at_end(void *block)
{
	free(block);
	free(strdup("said in a destructor"));
}

static void *allocate(void *unused)
{
	void *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = i % 3 ? malloc((size_t)i * 100) : calloc((size_t)i + 1, 8);
		CHECK(blocks[i]);
		blocks[i] = realloc(blocks[i], (size_t)i * 50 + 8);
		CHECK(blocks[i]);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	CHECK(!pthread_setspecific(key, malloc(10)));
	return unused;
}

static void start_and_join(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, allocate, NULL));
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_join(threads[i], NULL));
}

static void *fork_one(void *unused)
{
	pid_t pid = fork();

	if (!pid) {
		allocate(NULL);
		start_and_join();
		_exit(7);
	}
	CHECK(pid > 0 && wait_for(pid) == 7);
	return unused;
}

int main(void)
{
	pthread_t forks;

	CHECK(!pthread_key_create(&key, at_end));
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(!pthread_create(&forks, NULL, fork_one, NULL));
		start_and_join();
		CHECK(!pthread_join(forks, NULL));
	}
	return passed();
}
