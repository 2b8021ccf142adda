/* Rules in interrupt.h. */
#include "chunk.h"
#include "handlers.h"
#include "interrupt.h"
#include "plan.h"
#include "rules.h"
#include "thread.h"
#include "trace.h"

enum { PATIENCE = 250 };  /* ms */

/* The rule that asks; `rule` may be what several do together. */
static const struct plan_rule *asking(const struct plan_rule *rule)
{
	return parts.rules + rule->interrupt_index;
}

static uint16_t ask_of(const struct plan_rule *rule)
{
	uint32_t hit = rules_tell_at_once(asking(rule)) ? 0 : ASK_HIT;

	return (uint16_t)(rule->interrupt | hit | rule->interrupt_index << ASK_RULE);
}

/* The call is told as hit by the rule that asks, if no other one has hit it. */
static void tell(struct call *call, const struct plan_rule *rule)
{
	if (call->rule < 0)
		call->rule = (int32_t)rule->interrupt_index;
	call->flags |= CALL_HIT;
}

static void tell_before(const struct call *call, const struct plan_rule *rule)
{
	struct call told = *call;

	tell(&told, rule);
	trace_deadly(&told);
}

uint64_t interrupt_ask(const struct call *call, const struct plan_rule *rule)
{
	struct head *head = thread.vforked ? NULL : chunk_await(PATIENCE);

	if (!head) {
		skipped(SKIP_INTERRUPT);
		return 0;
	}
	if (!quiet && handlers_deadly((int)rule->interrupt))
		tell_before(call, rule);
	head->interrupt_after = rule->interrupt_after;
	head->interrupt_from = trace_clock();
	/* Release pairs with the host's acquire: it finds the rest. */
	__atomic_store_n(&head->interrupt, ask_of(rule), __ATOMIC_RELEASE);
	return head->interrupt_from;
}

/* A handler that came meanwhile may have asked for one of its own: ours is then given up. */
static bool was_sent(uint64_t asked)
{
	return asked && thread.head && thread.head->interrupt_from == asked
		&& !__atomic_exchange_n(&thread.head->interrupt, 0, __ATOMIC_RELAXED);
}

void interrupt_end(struct call *call, const struct plan_rule *rule, uint64_t asked)
{
	if (rules_tell_at_once(asking(rule))) {
		was_sent(asked);
		return;
	}
	if (was_sent(asked))
		tell(call, rule);
	else
		rules_give_back(asking(rule));
}
