/* Rules in interrupt.h. */
#include "chunk.h"
#include "handlers.h"
#include "interrupt.h"
#include "thread.h"
#include "trace.h"

enum { PATIENCE = 250 };  /* ms */

void interrupt_ask(const struct call *call, const struct plan_rule *rule)
{
	struct head *head = thread.vforked ? NULL : chunk_await(PATIENCE);

	if (!head) {
		skipped(SKIP_INTERRUPT);
		return;
	}
	if (!quiet && handlers_deadly((int)rule->interrupt))
		trace_deadly(call);
	head->interrupt_after = rule->interrupt_after;
	head->interrupt_from = trace_clock();
	/* Release pairs with the host's acquire: it finds the rest. */
	__atomic_store_n(&head->interrupt, (uint16_t)rule->interrupt, __ATOMIC_RELEASE);
}

void interrupt_take_back(void)
{
	if (thread.head)
		__atomic_store_n(&thread.head->interrupt, 0, __ATOMIC_RELAXED);
}
