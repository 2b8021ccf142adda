/* For targets whose arguments are words, each of which makes a call: `struct word words[]`
 * is the target's own. */
#pragma once
#include "target.h"
#include <time.h>

struct word {
	const char *name;
	long (*make)(void);
};

static inline const struct word *word_named(const struct word *words, size_t count,
					    const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i].name, name))
			return &words[i];
	CHECK(!"a word of the table");
	return NULL;
}

#define make_word(words, name) \
	(word_named(words, sizeof(words) / sizeof(*(words)), name)->make())

/* `read: 1` or `read: -1 EINTR`. */
static inline void word_returned(const char *name, long ret)
{
	printf("%s: %ld%s%s\n", name, ret, ret == -1 ? " " : "",
	       ret == -1 ? strerrorname_np(errno) : "");
}

static struct timespec word_started;

static inline long by_start(void)
{
	return clock_gettime(CLOCK_MONOTONIC, &word_started);
}

/* Have 50 ms or more passed since `start`? */
static inline long by_slow(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - word_started.tv_sec) * 1000 +
	       (now.tv_nsec - word_started.tv_nsec) / 1000000 >= 50;
}
