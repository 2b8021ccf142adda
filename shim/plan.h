/* Reading the plan: it is mapped read-only before the first wrapper can run. */
#ifndef PYSHIM_PLAN_H
#define PYSHIM_PLAN_H

#include "thread.h"
#include "wire.h"

static inline const char *plan_text(uint32_t at)
{
	return (const char *)plan + at;
}

static inline const struct plan_row *plan_row(uint32_t call)
{
	return (const struct plan_row *)(const void *)plan_text(plan->rows_at) + call;
}

static inline const struct plan_ref *plan_refs(void)
{
	return (const void *)plan_text(plan->refs_at);
}

static inline const struct plan_rule *plan_rules(void)
{
	return (const void *)plan_text(plan->rules_at);
}

static inline const struct plan_map *plan_maps(void)
{
	return (const void *)plan_text(plan->maps_at);
}

#endif
