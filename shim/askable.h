/* Where a Python hook may run: not everywhere that a call can be seen. */
#ifndef PYSHIM_ASKABLE_H
#define PYSHIM_ASKABLE_H

#include <stdbool.h>
#include "call.h"

/* Constructor only. */
void askable_init(void);

/* False: this hook is not asked, which is counted with its reason (wire.h). */
bool askable(const struct call *call);

#endif
