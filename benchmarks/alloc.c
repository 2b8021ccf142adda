/* Cost of an allocation: `alloc BATCHES`. Output as batches.h says. Each
 * call is what its name says and the free(3) of it; in the last, another thread is there. */
#define _GNU_SOURCE
#include "batches.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PROBES 1000

static void small(void)
{
	void *volatile block = malloc(32);

	free(block);
}

static void zeroed(void)
{
	void *volatile block = calloc(4, 64);

	free(block);
}

static void copied(void)
{
	char *volatile text = strdup("the text of a string");

	free(text);
}

static void *wait_for_ever(void *gate)
{
	pthread_mutex_lock(gate);
	return NULL;
}

static void beside_a_thread(void)
{
	static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;

	pthread_mutex_lock(&gate);
	pthread_create(&thread, NULL, wait_for_ever, &gate);
}

static const struct bench benches[] = {
	{ "malloc", small, NULL },
	{ "calloc", zeroed, NULL },
	{ "strdup", copied, NULL },
	{ "malloc, threads", small, beside_a_thread },
};

int main(int argc, char **argv)
{
	int batches = argc > 1 ? atoi(argv[1]) : 10;

	if (batches < 1)
		return 2;
	for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		run(&benches[i], batches, PROBES);
	return 0;
}
