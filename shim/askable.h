/* Where a Python hook may run: not everywhere that a call can be seen. */
#ifndef PYSHIM_ASKABLE_H
#define PYSHIM_ASKABLE_H

#include <stdbool.h>
#include "call.h"

/* Constructor only. */
void askable_init(void);

/* Python must not be started by a call of this program: it may be made in the program's own
 * malloc, whose lock starting would take. So it is started before the program. */
bool askable_only_if_started(void);

/* False: this hook is not asked, which is counted with its reason (wire.h). */
bool askable(const struct call *call);

#endif
