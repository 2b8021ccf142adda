/* Matching rules. The plan is read-only; counters and sites are this process's own. */
#include <sys/single_threaded.h>
#include "rules.h"
#include "conditions.h"
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
static uint32_t count_up(uint32_t *counter, bool alone)
{
	uint32_t before = 1;

	if (!alone)
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

/* The division, which costs more than the rest, only where there is a step. */
static bool when_hits(const struct plan_ref *ref, uint32_t count)
{
	return count >= ref->first && count <= ref->last
		&& (ref->step == 1 || (count - ref->first) % ref->step == 0);
}

static bool chance_hits(const struct plan_rule *rule, uint32_t count)
{
	if (rule->chance == 0xffffffff)
		return true;
	return mix(rule->seed ^ (uint64_t)count * 0x9e3779b97f4a7c15) >> 32 < rule->chance;
}

/* The last condition, and it counts. */
static bool times_left(const struct plan_rule *rule)
{
	uint32_t *counter = &counters_now()[rule->times_counter];

	if (!rule->times)
		return true;
	/* Relaxed: a number, and nothing hangs on it. */
	if (__atomic_load_n(counter, __ATOMIC_RELAXED) >= rule->times)
		return false;
	if (count_up(counter, __libc_single_threaded) <= rule->times)
		return true;
	rules_give_back(rule);
	return false;
}

void rules_give_back(const struct plan_rule *rule)
{
	if (rule->times)
		__atomic_fetch_sub(&counters_now()[rule->times_counter], 1, __ATOMIC_RELAXED);
}

/* What is asked behind when=. */
static bool fires(struct call *call, const struct plan_ref *ref, uint32_t count)
{
	const struct plan_rule *rule = parts.rules + ref->rule;

	if (!chance_hits(rule, count))
		return false;
	if (ref->action & ONLY_FAIR && !call_is_fair(call))
		return false;
	if (ref->action & ONCE_PER_SITE && !site_first(call, ref->rule))
		return false;
	return times_left(rule);
}

/* What decides the result: only one rule can. */
enum { ACT_RESULT = ACT_ERRNO | ACT_RETURN | ACT_SHORT | ACT_FDS };

/* What is sure to be done, so a hit at once. A signal may not come to be sent, a quota may
 * have room: those tell by themselves when they have done something. A mark, and what is
 * kept, is no rule of the user's. */
enum { ACT_LOUD = ACT_RESULT | ACT_SIGNAL | ACT_DELAY_ENTER | ACT_DELAY_EXIT | ACT_POKE_ENTER
		| ACT_POKE_EXIT };

bool rules_tell_at_once(const struct plan_rule *rule)
{
	return rule->action & ACT_LOUD;
}

static void add_result(struct plan_rule *all, const struct plan_rule *rule)
{
	all->action |= rule->action & (ACT_RESULT | ACT_AFTER | AFTER_CLOSE | ACT_LOSE);
	all->err = rule->err;
	all->value = rule->value;
	all->fds = rule->fds;
}

/* What `all` does not do yet: for each action the first rule wins that has it. */
static void add(struct plan_rule *all, const struct plan_rule *rule)
{
	uint32_t more = rule->action & ~all->action;

	if (rule->action & ACT_RESULT && !(all->action & ACT_RESULT))
		add_result(all, rule);
	if (more & ACT_SIGNAL)
		all->signal = rule->signal;
	if (more & ACT_DELAY_ENTER)
		all->delay_enter = rule->delay_enter;
	if (more & ACT_DELAY_EXIT)
		all->delay_exit = rule->delay_exit;
	if (more & ACT_INTERRUPT) {
		all->interrupt = rule->interrupt;
		all->interrupt_after = rule->interrupt_after;
		all->interrupt_index = rule->interrupt_index;
	}
	if (more & ACT_QUOTA) {
		all->quota = rule->quota;
		all->glob = rule->glob;
		all->index = rule->index;
	}
	if (more & ACT_POKE_ENTER)
		all->poke_enter = rule->poke_enter;
	if (more & ACT_POKE_EXIT)
		all->poke_exit = rule->poke_exit;
	all->marks |= rule->marks;
	all->action |= more & ((ACT_LOUD & ~ACT_RESULT) | ACT_INTERRUPT | ACT_MARK | ACT_QUOTA
			       | ACT_KEEP);
}

/* The call is told as hit by the rule that decides its result, else by the first. */
static const struct plan_rule *hit(struct call *call, const struct plan_rule *decided,
				   uint32_t index, uint32_t count, struct plan_rule *all)
{
	const struct plan_rule *rule = parts.rules + index;
	bool has_result = decided && decided->action & ACT_RESULT;

	if (rule->action & ACT_INTERRUPT && !(decided && decided->action & ACT_INTERRUPT))
		call->count = count;
	if (rules_tell_at_once(rule)) {
		/* Relaxed: a tally. */
		__atomic_fetch_add(&arena->hits[index], 1, __ATOMIC_RELAXED);
		if (call->rule < 0 || (rule->action & ACT_RESULT && !has_result)) {
			call->rule = (int32_t)index;
			call->count = count;
		}
	}
	if (!decided)
		return rule;
	if (decided != all)
		*all = *decided;
	add(all, rule);
	return all;
}

static bool applies(const struct call *call, const struct plan_ref *ref)
{
	/* Relaxed: nothing else comes with the switch. */
	if (__builtin_expect(__atomic_load_n(&arena->off[ref->rule], __ATOMIC_RELAXED), 0))
		return false;
	if (ref->action & NOT_CAUGHT && call->flags & CALL_CAUGHT)
		return false;
	return !ref->ntests || tests_hold(call, ref);
}

/* A rule that does not fire is to cost little: what the loop needs is looked up before it,
 * and it reads no struct plan_rule. */
const struct plan_rule *rules_match(struct call *call, const struct plan_row *want,
				    struct plan_rule *all)
{
	const struct plan_ref *ref = parts.refs + want->first_ref, *end = ref + want->nrefs;
	const struct plan_rule *decided = NULL;
	uint32_t *counters = counters_now();
	bool alone = __libc_single_threaded;

	for (; ref < end; ref++) {
		if (!applies(call, ref))
			continue;
		if (ref->action & ACT_ASK) {
			call->hooks |= 1u << parts.rules[ref->rule].value;
			continue;
		}
		uint32_t count = count_up(&counters[ref->counter], alone);

		if (when_hits(ref, count) && fires(call, ref, count))
			decided = hit(call, decided, ref->rule, count, all);
	}
	return decided;
}
