/*
 * Rules in quota_files.h. An entry is never half of two files: its key is written once, by
 * compare and swap, its pages by exchange, so that each change is added to the sum exactly
 * once, whoever comes at the same moment, and however it ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include "plan.h"
#include "quota_files.h"
#include "sys.h"
#include "thread.h"

enum { PROBES = 64 };

uint64_t quota_key(const struct stat *st, uint32_t rule)
{
	uint64_t x = st->st_ino * 0x9e3779b97f4a7c15 ^ st->st_dev * 0xbf58476d1ce4e5b9
		^ (uint64_t)rule << 48;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	x ^= x >> 31;
	return x + !x;
}

static struct quota_file *entry_at(uint64_t index)
{
	struct quota_file *files = (void *)((char *)arena + arena->files_at);

	return files + index % QUOTA_FILES;
}

static bool take(struct quota_file *file, uint64_t seen, uint64_t key)
{
	/* Relaxed: the key itself is all there is to see. */
	return __atomic_compare_exchange_n(&file->key, &seen, key, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

/* One whose file is gone, and which took nothing when it went. */
static struct quota_file *take_gone(uint64_t key)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		struct quota_file *file = entry_at(key + i);
		uint64_t seen = __atomic_load_n(&file->key, __ATOMIC_RELAXED);

		if (__atomic_load_n(&file->gone, __ATOMIC_RELAXED)
		    && __atomic_load_n(&file->pages, __ATOMIC_RELAXED) == 1
		    && take(file, seen, key)) {
			__atomic_store_n(&file->pages, 0, __ATOMIC_RELAXED);
			return file;
		}
	}
	return NULL;
}

/* NULL: the table is full. */
static struct quota_file *find(uint64_t key)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		struct quota_file *file = entry_at(key + i);
		uint64_t seen = __atomic_load_n(&file->key, __ATOMIC_RELAXED);

		if (seen == key || (!seen && take(file, 0, key)))
			return file;
		/* Whoever was quicker may have brought the same one. */
		if (!seen && __atomic_load_n(&file->key, __ATOMIC_RELAXED) == key)
			return file;
	}
	return take_gone(key);
}

static void add(uint32_t rule, int64_t pages)
{
	__atomic_fetch_add(&arena->used[rule], pages, __ATOMIC_RELAXED);
}

void quota_set(const struct quota_file_use *before, uint32_t rule, int64_t pages,
	       int32_t keeper)
{
	struct quota_file *file = find(before->key);

	if (!file) {
		skipped(SKIP_QUOTA);
		add(rule, pages - before->pages);
		return;
	}
	file->rule = rule;
	__atomic_store_n(&file->gone, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&file->keeper, keeper, __ATOMIC_RELAXED);
	/* One more than it takes: 0 says that nobody has looked yet. */
	int64_t was = __atomic_exchange_n(&file->pages, pages + 1, __ATOMIC_RELAXED);

	add(rule, pages - (was ? was - 1 : before->pages));
}

void quota_drop(const struct quota_file_use *before, uint32_t rule)
{
	struct quota_file *file = find(before->key);

	quota_set(before, rule, 0, 0);
	if (file)
		__atomic_store_n(&file->gone, 1, __ATOMIC_RELAXED);
}

static bool is_dead(int32_t pid)
{
	return sys2(__NR_kill, pid, 0) == -ESRCH;
}

bool quota_forget_dead(uint32_t rule)
{
	bool found = false;

	for (uint32_t i = 0; i < QUOTA_FILES; i++) {
		struct quota_file *file = entry_at(i);
		int32_t keeper = __atomic_load_n(&file->keeper, __ATOMIC_RELAXED);

		if (!keeper || file->rule != rule || !is_dead(keeper))
			continue;
		quota_drop(&(struct quota_file_use){ file->key, 0 }, rule);
		found = true;
	}
	return found;
}
