/* Calls that take or free space of a disk: what each works on, and what that takes. */
#ifndef PYSHIM_QUOTA_CALLS_H
#define PYSHIM_QUOTA_CALLS_H

#include <sys/stat.h>
#include "call.h"

enum { PAGE = 4096 };

enum role { ROLE_NONE, ROLE_WRITE, ROLE_COPY, ROLE_ALLOCATE, ROLE_RESIZE, ROLE_OPEN,
	    ROLE_CLOSE, ROLE_TRUNCATE, ROLE_UNLINK, ROLE_RENAME };

enum role quota_role(const struct call *call);

/* The flags of a pwritev2(2), RWF_; of others none. */
int64_t quota_rwf(const struct call *call);

/* Whether a rename(2) leaves something at both names. */
bool quota_exchanges(const struct call *call);

/* The argument with the descriptor that is written to, or that the call is about. */
uint32_t quota_out(const struct call *call);

/* The second path of a call's, as path_argument() has the first. */
uint32_t quota_new_path(const struct call *call);

/* Whether the file behind that argument has a name that the glob fits. */
bool quota_fits(const struct call *call, uint32_t index, const char *glob);

int64_t quota_pages_of_bytes(int64_t bytes);
int64_t quota_pages(const struct stat *st);

/* False: it is no regular file, or none at all. */
bool quota_fd(int64_t fd, struct stat *st);
bool quota_stat(const struct call *call, uint32_t index, int flags, struct stat *st);

#endif
