/* Allocates blocks of 100 KiB until there are no more, or 40; frees, and tries again. All
 * that it says of them it writes without allocating. */
#include "target.h"
#include <pthread.h>

enum { BLOCK = 100 * 1024, MOST = 40 };

static void *blocks[MOST];
static int count;

static void say(const char *what, long number)
{
	char line[64];
	int size = snprintf(line, sizeof(line), "%s: %ld\n", what, number);

	CHECK(write(1, line, (size_t)size) == size);
}

static int fill(void)
{
	int before = count;

	while (count < MOST && (blocks[count] = malloc(BLOCK)))
		count++;
	return count - before;
}

static void drop(int number)
{
	while (number--)
		free(blocks[--count]);
}

static void *fill_in_thread(void *unused)
{
	say("in a thread", fill());
	return unused;
}

static void in_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		say("in a child", fill());
		drop(2);
		say("in a child, freed", fill());
		_exit(3);
	}
	CHECK(wait_for(pid) == 3);
}

int main(void)
{
	volatile size_t huge = (size_t)-1;
	pthread_t thread;
	void *last;

	say("at first", fill());
	drop(2);
	in_child();
	CHECK(!pthread_create(&thread, NULL, fill_in_thread, NULL));
	CHECK(!pthread_join(thread, NULL));
	drop(1);
	last = realloc(blocks[0], 4 * BLOCK);
	say("too large", last != NULL);
	blocks[0] = last ? last : blocks[0];
	last = realloc(blocks[0], BLOCK / 2);
	CHECK(last);
	blocks[0] = last;
	say("after a smaller one", fill());
	drop(count);
	last = calloc(9, BLOCK);
	say("calloc", last != NULL);
	free(last);
	say("strdup", (last = strdup("text")) != NULL);
	free(last);
	say("overflow", calloc(huge, 2) != NULL);
	say("at last", fill());
	drop(count);
	return passed();
}
