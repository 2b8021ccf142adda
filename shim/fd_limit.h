/* A limit of descriptors that only the program meets (`fds=` of a rule), getrlimit(2). */
#ifndef PYSHIM_FD_LIMIT_H
#define PYSHIM_FD_LIMIT_H

#include "call.h"

/* Whether the call, with RLIMIT_NOFILE at `limit`, would give out no descriptor. Some
 * syscalls: one while the last number below the limit is free, `limit` when none is. */
bool fd_limit_reached(const struct call *call, int64_t limit);

/* Of such a call: as what it fails, or 0: it does not, and gets fewer than were sent. */
int fd_limit_error(const struct call *call, int64_t limit);

/* Behind a recvmsg(2) or recvmmsg(2): what it got at the limit and beyond goes again. */
void fd_limit_received(struct call *call, int64_t limit);

#endif
