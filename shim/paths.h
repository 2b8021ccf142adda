/* Paths of a call: made absolute for rules, rewritten for maps. */
#ifndef PYSHIM_PATHS_H
#define PYSHIM_PATHS_H

#include "call.h"
#include "wire.h"

/* FD_ROOM: "/proc/thread-self/fd/2147483647" and its NUL. */
enum { PATH_ROOM = 4096, FD_ROOM = 32 };

/* "/proc/self/fd/N": the file behind an fd, by a name. `fd` is not negative. */
void fd_name(char to[FD_ROOM], int fd);

/* Where a link of /proc leads: by its last name, where it has none any more. */
bool link_path(const char *name, char path[PATH_ROOM]);

/* The absolute path that argument `index` means (a path, or the file behind an fd),
 * with `.` and `..` resolved by text alone. False when it is neither, can't be read,
 * or is too long. Costs a syscall or two. */
bool call_path(const struct call *call, uint32_t index, char path[PATH_ROOM]);

/* That path as the call is to be made with it: by the maps, unless they have been at it. It
 * stays where the other one has no room. */
void path_mapped(const struct call *call, uint32_t index, char path[PATH_ROOM]);

/* What paths relative to `dirfd` begin with, openat(2). False: a bad one, or unreachable. */
bool dir_path(int64_t dirfd, char path[PATH_ROOM]);

/* call_finish() or its like, with the paths of the call rewritten as the plan's maps say:
 * the new ones live in this function's frame until the call is over. */
typedef long call_rest(struct call *call, call_real *real, const struct plan_rule *rule);
long map_run(struct call *call, call_real *real, const struct plan_rule *rule, call_rest *rest);

#endif
