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

/* The signals that have a handler and may come at any moment, a bit each. Not those that
 * an instruction raises, nor SIGSYS, by which the catch-all lives. */
uint64_t handlers_installed(void);

#endif
