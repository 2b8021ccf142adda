/* How much of what a call is to write there is room for. */
#ifndef PYSHIM_QUOTA_ROOM_H
#define PYSHIM_QUOTA_ROOM_H

#include <sys/stat.h>
#include "call.h"
#include "wire.h"

enum { NO_APPEND = 0x20, KNOWN_RWF = 0xff };  /* RWF_NOAPPEND; all of Linux 6.18 */

/* Where it will write, of which file, how much. */
struct span {
	int64_t fd, from, bytes;
	struct stat st;
};

/* That of a call that writes or copies; `st` is filled in already. False: it takes nothing,
 * or fails by itself. */
bool quota_span(const struct call *call, struct span *span);

/* False, too, for what is no descriptor. */
bool quota_writable(int64_t fd);

/* Pages that are left of the rule's. */
int64_t quota_room(const struct plan_rule *rule);

/* As many bytes of it as there is room for, from its beginning. */
int64_t quota_fitting(const struct span *span, const struct plan_rule *rule);

#endif
