/* Rules in budget.h. */
#include <stddef.h>
#include <string.h>
#include <wchar.h>
#include "budget.h"
#include "plan.h"
#include "real.h"
#include "thread.h"

bool budget_counts;

static size_t (*usable)(void *);
static int64_t live;

/* An allocator need not have one: the next is then libc's, which reads the size of one of
 * its own in front of a block. */
static bool is_of_same_allocator(void)
{
	return object_defining("malloc_usable_size", "") == object_defining("malloc", "");
}

void budget_init(void)
{
	usable = (size_t (*)(void *))real_next("malloc_usable_size");
	if (!(plan->flags & PLAN_BUDGET))
		return;
	budget_counts = usable && is_of_same_allocator();
	if (!budget_counts)
		skipped(SKIP_ALLOC_SIZES);
}

static int64_t size_at(int64_t block)
{
	return block && budget_counts ? (int64_t)usable((void *)block) : 0;
}

/* ---- what is asked for ---- */

/* What would not fit into a word can't be given: more than any budget. */
static int64_t product(int64_t n, int64_t size)
{
	uint64_t all;

	if (__builtin_mul_overflow((uint64_t)n, (uint64_t)size, &all) || all > INT64_MAX)
		return INT64_MAX;
	return (int64_t)all;
}

static int64_t wide_length(const wchar_t *text)
{
	int64_t length = 0;

	while (text[length])
		length++;
	return length;
}

/* The size, where it is an argument. */
static int64_t size_asked(const struct call *call)
{
	switch (call->id) {
	case CALL_posix_memalign: return product(call->args[2], 1);
	case CALL_aligned_alloc:
	case CALL_memalign: return product(call->args[1], 1);
	case CALL_calloc: return product(call->args[0], call->args[1]);
	default: return product(call->args[0], 1);
	}
}

/* Of a string that can't be read libc dies as well. */
static int64_t asked(const struct call *call)
{
	const char *text = (const char *)call->args[0];

	switch (call->id) {
	case CALL_strdup:
	case CALL___strdup: return (int64_t)strlen(text) + 1;
	case CALL_strndup:
	case CALL___strndup: return (int64_t)strnlen(text, (size_t)call->args[1]) + 1;
	case CALL_wcsdup: return product(wide_length((const wchar_t *)text) + 1, 4);
	case CALL_realloc: return product(call->args[1], 1) - size_at(call->args[0]);
	case CALL_reallocarray:
		return product(call->args[1], call->args[2]) - size_at(call->args[0]);
	default: return size_asked(call);
	}
}

bool budget_passed(const struct call *call, int64_t budget)
{
	/* Relaxed: a sum, and nothing hangs on it. */
	int64_t now = __atomic_load_n(&live, __ATOMIC_RELAXED), more = asked(call);

	return more > 0 && more > budget - now;
}

/* ---- what is there ---- */

/* These call malloc and realloc by their names, which count. */
static bool counts_inside(uint16_t id)
{
	return id >= CALL_strdup || id == CALL_reallocarray;
}

static int64_t made(const struct call *call)
{
	if (call->id == CALL_posix_memalign)
		return call->ret ? 0 : size_at(*(int64_t *)call->args[0]);
	return size_at(call->ret);
}

/* realloc(3) to no bytes frees, and may say so by NULL. */
static bool failed(const struct call *call)
{
	return call->id == CALL_realloc && !call->ret && call->args[1];
}

void budget_make(struct call *call, call_real *real)
{
	bool frees = call->id == CALL_free || call->id == CALL_realloc;
	int64_t before = frees ? size_at(call->args[0]) : 0;

	real(call);
	if (counts_inside(call->id) || failed(call))
		return;
	if (call->id != CALL_free)
		before -= made(call);
	/* Relaxed: a sum, and nothing hangs on it. */
	__atomic_fetch_sub(&live, before, __ATOMIC_RELAXED);
}
