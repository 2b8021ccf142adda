/* The program's signal handlers, as the kernel has them: asked once for all signals, then
 * only after the program changed one through a call that is wrapped. */
#ifndef PYSHIM_HANDLERS_H
#define PYSHIM_HANDLERS_H

#include <stdbool.h>
#include <stdint.h>

/* The program changes an action, or is about to. */
void handlers_changed(void);

/* Whether one without SA_RESTART is installed, which makes calls fail with EINTR. Of SIGSYS
 * nothing: it comes from the call itself (seccomp(2)), and its handler may be ours. */
bool handlers_interrupt(void);

/* Whether this thread would die of it now: no handler, not ignored, not blocked. */
bool handlers_deadly(int signal);

/* The signals that have a handler and may come at any moment wait, in this thread: not those
 * that an instruction raises, nor SIGSYS, by which the catch-all lives. Where there are none,
 * no syscall is made. */
struct held {
	uint64_t mask;       /* the thread's before, where `held` */
	bool held;
};

void handlers_hold(struct held *signals);
void handlers_let(const struct held *signals);

#endif
