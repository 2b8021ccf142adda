/* Allocates argv[1] times by each function of the family named behind it, or by all, and
 * prints what came of each: `malloc: ok`, `malloc: ENOMEM`, and what is not as promised. */
#include "target.h"
#include <malloc.h>
#include <wchar.h>

enum { SIZE = 40, UNTOUCHED = 77, PAGE = 4096 };

static void *kept;  /* by realloc and reallocarray */

static void *by_malloc(void) { return malloc(SIZE); }
static void *by_calloc(void) { return calloc(4, 10); }
static void *by_aligned_alloc(void) { return aligned_alloc(64, 64); }
static void *by_memalign(void) { return memalign(64, SIZE); }
static void *by_valloc(void) { return valloc(SIZE); }
static void *by_pvalloc(void) { return pvalloc(SIZE); }
static void *by_strdup(void) { return strdup("text of the string"); }
static void *by_strndup(void) { return strndup("text of the string", 4); }
static void *by_wcsdup(void) { return wcsdup(L"wide"); }

/* The first one by memalign, so that no other count is changed. */
static void *keep(void)
{
	return kept ? kept : (kept = strcpy(memalign(16, 8), "kept"));
}

/* One that failed leaves the block and what is in it. */
static void *by_realloc(void)
{
	void *more = realloc(keep(), SIZE);

	CHECK(!strcmp(more ? more : kept, "kept"));
	return kept = more ? more : kept, more;
}

static void *by_reallocarray(void)
{
	void *more = reallocarray(keep(), 4, 10);

	CHECK(!strcmp(more ? more : kept, "kept"));
	return kept = more ? more : kept, more;
}

/* The number is returned, errno and the pointer stay. */
static void *by_posix_memalign(void)
{
	void *block = &kept;
	int err = posix_memalign(&block, 64, SIZE);

	CHECK(errno == UNTOUCHED && (!err || block == &kept));
	errno = err;
	return err ? NULL : block;
}

#define BY(name) { #name, by_##name }

static const struct way {
	const char *name;
	void *(*by)(void);
} ways[] = {
	BY(malloc), BY(calloc), BY(realloc), BY(reallocarray), BY(aligned_alloc),
	BY(posix_memalign), BY(memalign), BY(valloc), BY(pvalloc), BY(strdup), BY(strndup),
	BY(wcsdup),
};

static void try(const struct way *way)
{
	char line[64];
	void *block;
	int err;

	errno = UNTOUCHED;
	block = way->by();
	err = errno;
	CHECK(!block || err == UNTOUCHED || way->by == by_posix_memalign);
	snprintf(line, sizeof(line), "%s: %s\n", way->name, block ? "ok" : strerrorname_np(err));
	CHECK(write(1, line, strlen(line)) == (ssize_t)strlen(line));
	if (block != kept)
		free(block);
}

static int named(const struct way *way, char **names)
{
	int any = !*names;

	for (; *names; names++)
		any |= !strcmp(way->name, *names);
	return any;
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 3;

	for (int i = 0; i < times; i++)
		for (size_t at = 0; at < sizeof(ways) / sizeof(*ways); at++)
			if (named(&ways[at], argv + (argc > 1 ? 2 : 1)))
				try(&ways[at]);
	CHECK(write(1, "EXIT-SUCCESS\n", 13) == 13);
	return 0;
}
