/* Reading the plan: it is mapped read-only before the first wrapper can run. */
#ifndef PYSHIM_PLAN_H
#define PYSHIM_PLAN_H

#include "thread.h"
#include "wire.h"

static inline const char *plan_text(uint32_t at)
{
	return (const char *)plan + at;
}

/* The plan's arrays, found once: three loads less for every call. Constructor only. */
struct plan_parts {
	const struct plan_row *rows;
	const struct plan_ref *refs;
	const struct plan_rule *rules;
	const struct plan_map *maps;
};

extern struct plan_parts parts;

static inline void plan_find_parts(void)
{
	parts.rows = (const void *)plan_text(plan->rows_at);
	parts.refs = (const void *)plan_text(plan->refs_at);
	parts.rules = (const void *)plan_text(plan->rules_at);
	parts.maps = (const void *)plan_text(plan->maps_at);
}

#endif
