/* Which port a call is about: port= of a rule. */
#ifndef PYSHIM_PORTS_H
#define PYSHIM_PORTS_H

#include <stdint.h>
#include "call.h"

/* Whether `port` (host order) is in the address that connect(2), bind(2), sendto(2) or
 * sendmsg(2) is given, one of sendmmsg(2)'s, or is either end of the socket `fd`. Up to two
 * syscalls, and those that reading takes; false in seccomp. */
bool port_is(const struct call *call, int fd, uint16_t port);

#endif
