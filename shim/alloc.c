/* Rules in alloc.h. */
#include <link.h>
#include "actions.h"
#include "alloc.h"
#include "budget.h"
#include "dispatch.h"
#include "loaded.h"
#include "plan.h"
#include "real.h"
#include "rules.h"
#include "thread.h"

enum { FIRST = CALL_malloc, LAST = CALL_wcsdup, FAMILY = LAST - FIRST + 1 };

_Static_assert(FAMILY == 15, "the rows of allocation.toml, and their aliases");
_Static_assert(FAMILY <= 32, "a bit for each");

static bool in_family(uint32_t id)
{
	return id - FIRST < FAMILY;
}

/* ---- what there is to be seen in this process ---- */

static bool wanted;  /* some of them are, and the names are ours */
/* An allocator that is no part of libc: what it allocates for itself, as it starts, does not
 * count. */
static struct library allocator;

/* A sanitizer frees by its delete what its new has given, and would miss the first. */
static bool is_checked(void)
{
	return object_defining(SANITIZERS, "");
}

static bool any_wanted(void)
{
	for (uint32_t id = FIRST; id <= LAST; id++)
		if (parts.rows[id].want & WANT_WRAP)
			return true;
	return false;
}

/* In the program's own file, which comes before every library. */
static bool defines_wanted(void)
{
	for (uint32_t i = 0; i < FIRST_OPERATOR; i++) {
		uint32_t id = exports[i].call;

		if (in_family(id) && parts.rows[id].want & WANT_WRAP
		    && object_is_program(object_defining(export_texts + exports[i].name, "")))
			return true;
	}
	return false;
}

/* ---- what counts once ---- */

/* By the outer call: the inner ones that need not be looked at within it. */
static uint32_t counted[FAMILY];

static bool names(const struct plan_row *row, uint32_t rule)
{
	for (uint32_t i = 0; i < row->nrefs; i++)
		if (parts.refs[row->first_ref + i].rule == rule)
			return true;
	return false;
}

/* Every rule that names `inner` names `outer`, too, and so does the log. */
static bool covers(const struct plan_row *outer, const struct plan_row *inner)
{
	for (uint32_t i = 0; i < inner->nrefs; i++)
		if (!names(outer, parts.refs[inner->first_ref + i].rule))
			return false;
	return !(inner->want & WANT_LOG) || outer->want & WANT_LOG;
}

static void find_counted(void)
{
	for (uint32_t outer = 0; outer < FAMILY; outer++)
		for (uint32_t inner = 0; inner < FAMILY; inner++)
			if (covers(&parts.rows[FIRST + outer], &parts.rows[FIRST + inner]))
				counted[outer] |= 1u << inner;
}

/* What left a frame by a jump is above us no more: dispatch.c, go(). */
static bool is_counted(const struct call *call)
{
	uint32_t outer = thread.within - 1u;

	return in_family(outer) && thread.frame > (uint64_t)call
		&& counted[outer - FIRST] >> (call->id - FIRST) & 1;
}

/* A bit for each that may take the short way: nobody asks which call is within it, and it
 * is not in the log. */
static uint32_t lean;

static bool calls_others(uint32_t id)
{
	return id >= CALL_strdup || id == CALL_reallocarray;
}

static void find_lean(void)
{
	for (uint32_t id = FIRST; id <= LAST; id++)
		if (parts.rows[id].want == WANT_WRAP && !calls_others(id)
		    && !(plan->flags & PLAN_FULL))
			lean |= 1u << (id - FIRST);
}

void alloc_init(void)
{
	wanted = any_wanted();
	if (wanted && is_checked()) {
		skipped(SKIP_ALLOC_CHECKED);
		wanted = false;
	}
	if (wanted && defines_wanted())
		skipped(SKIP_ALLOC_OWN);
	if (wanted && object_defining(VALGRIND, ""))
		skipped(SKIP_ALLOC_VALGRIND);
	if (!wanted)
		return;
	find_definer("malloc", SANITIZERS, &allocator);
	find_counted();
	find_lean();
	budget_init();
}

bool alloc_wraps(uint32_t export)
{
	if (export >= FIRST_OPERATOR)
		return wanted;
	uint32_t id = exports[export].call;

	return parts.rows[id].want & WANT_WRAP && (wanted || !in_family(id));
}

/* ---- C++'s new: the place that called it is the place of its malloc ---- */

enum { NEW_CODE = 128 };  /* no operator new of libstdc++ and libc++ is longer */

/* Two words, so that a handler between them finds the place of another new at worst. */
static _Thread_local struct {
	uint64_t code;    /* of the operator that was called last */
	uint64_t caller;
} last_new;

/* One operator may call another: then the first one's caller stays. */
static void *note_new(uint32_t index, uint64_t caller)
{
	if (caller - last_new.code >= NEW_CODE)
		last_new.caller = caller;
	void *real = real_of(index);

	last_new.code = (uint64_t)real;
	return real;
}

typedef void *new_real(long size, long second, long third);

/* As many arguments as the longest has: the others ignore what stands there. */
#define NEW(name, index) \
	new_real wrap_##name; \
	void *wrap_##name(long size, long second, long third) \
	{ \
		uint64_t caller = (uint64_t)__builtin_return_address(0); \
		new_real *real = (new_real *)note_new(FIRST_OPERATOR + (index), caller); \
\
		return real(size, second, third); \
	}

NEW(_Znwm, 0)
NEW(_Znam, 1)
NEW(_ZnwmRKSt9nothrow_t, 2)
NEW(_ZnamRKSt9nothrow_t, 3)
NEW(_ZnwmSt11align_val_t, 4)
NEW(_ZnamSt11align_val_t, 5)
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, 6)
NEW(_ZnamSt11align_val_tRKSt9nothrow_t, 7)

/* ---- the way of one call ---- */

/* call_run() without what these can't have: hooks, maps, a syscall of their own. */
static long run_lean(struct call *call, call_real *real)
{
	struct plan_rule all;
	const struct plan_rule *rule = thread_ready()
		? rules_match(call, parts.rows + call->id, &all) : NULL;

	if (!rule) {
		real(call);
		return call->ret;
	}
	act_at_enter(call, rule);
	return call_finish(call, real, rule);
}

/* With a budget: what makes the real call of each, as its wrapper says. */
static call_real *makers[FAMILY];

static void make_counted(struct call *call)
{
	budget_make(call, __atomic_load_n(&makers[call->id - FIRST], __ATOMIC_RELAXED));
}

long alloc_run(struct call *call, call_real *real)
{
	if (call->site - last_new.code < NEW_CODE)
		call->site = last_new.caller;
	bool passes = library_has(&allocator, call->site);

	/* Relaxed: all threads store the same. What the allocator has for itself may be for
	 * telling us a block's size. */
	if (__builtin_expect(budget_counts, 0) && !passes) {
		__atomic_store_n(&makers[call->id - FIRST], real, __ATOMIC_RELAXED);
		real = make_counted;
	}
	/* In a hook it is ld.so's, for Python. */
	if (passes || thread.asking || is_counted(call)) {
		real(call);
		return call->ret;
	}
	return lean >> (call->id - FIRST) & 1 ? run_lean(call, real) : call_run(call, real);
}
