/* Matching rules. The plan is read-only; counters and sites are this process's own. */
#include <sys/single_threaded.h>
#include "rules.h"
#include "glob.h"
#include "paths.h"
#include "plan.h"
#include "thread.h"

enum { SITES = 4096, SITE_PROBES = 32 };

/* Call sites already hit, as hashes that include the process's serial: a fork's child
 * inherits the table and begins anew all the same. */
static uint64_t sites[SITES];

/* splitmix64: a good hash of a counter, so that thread order does not matter. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* One more; returns how many. While there is but one thread, one instruction is enough:
 * a signal handler can't come between, and the lock prefix costs as much as all the rest. */
static uint32_t count_up(uint32_t *counter)
{
	uint32_t before = 1;

	if (!__libc_single_threaded)
		return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
	__asm__ volatile("xaddl %0, %1" : "+r"(before), "+m"(*counter));
	return before + 1;
}

/* True the first time for this rule, call and place. */
static bool site_first(const struct call *call, uint32_t rule)
{
	uint64_t key = mix(call->site ^ (uint64_t)call->id << 48)
		^ mix((uint64_t)process->serial << 32 | rule);

	key += !key;
	for (uint32_t i = 0; i < SITE_PROBES; i++) {
		uint64_t *at = &sites[(key + i) % SITES], seen = 0;

		/* Relaxed: the key itself is all there is to see. */
		if (__atomic_compare_exchange_n(at, &seen, key, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
		if (seen == key)
			return false;
	}
	skipped(SKIP_SITES);
	return false;
}

static bool when_hits(const struct plan_rule *rule, uint32_t count)
{
	return count >= rule->first && count <= rule->last
		&& (count - rule->first) % rule->step == 0;
}

static bool chance_hits(const struct plan_rule *rule, uint32_t count)
{
	if (rule->chance == 0xffffffff)
		return true;
	return mix(rule->seed ^ (uint64_t)count * 0x9e3779b97f4a7c15) >> 32 < rule->chance;
}

__attribute__((noinline)) static bool path_fits(const struct plan_rule *rule, const struct call *call)
{
	char path[PATH_ROOM];
	const char *pattern = plan_text(rule->path);
	const struct row *row = &rows[call->id];

	for (uint32_t i = 0; i < row->nargs; i++)
		if (call_path(call, i, path) && glob_match(pattern, path))
			return true;
	return false;
}

static bool fires(struct call *call, const struct plan_rule *rule, uint32_t count,
		  uint32_t index)
{
	if (!when_hits(rule, count) || !chance_hits(rule, count))
		return false;
	if (rule->action & ONLY_FAIR && !call_is_fair(call))
		return false;
	return !(rule->action & ONCE_PER_SITE) || site_first(call, index);
}

const struct plan_rule *rules_match(struct call *call, const struct plan_row *want)
{
	const struct plan_rule *decided = NULL;

	for (uint32_t i = 0; i < want->nrefs; i++) {
		const struct plan_ref *ref = parts.refs + want->first_ref + i;
		const struct plan_rule *rule = parts.rules + ref->rule;

		if (rule->action & NOT_CAUGHT && call->flags & CALL_CAUGHT)
			continue;
		if (rule->path && !path_fits(rule, call))
			continue;
		if (rule->action & ACT_ASK) {
			call->hooks |= 1u << rule->value;
			continue;
		}
		uint32_t count = count_up(&process->counters[ref->counter]);

		if (!decided && fires(call, rule, count, ref->rule)) {
			decided = rule;
			call->rule = (int32_t)ref->rule;
		}
	}
	return decided;
}
