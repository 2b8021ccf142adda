/* What files take, by rule: a table in the arena, without locks. */
#ifndef PYSHIM_QUOTA_FILES_H
#define PYSHIM_QUOTA_FILES_H

#include <sys/stat.h>
#include "quota.h"

/* Never 0. Two files of one key are taken for one: once in 2^64. */
uint64_t quota_key(const struct stat *st, uint32_t rule);

/* It takes `pages` now; if it was not known, it took before what `before` says. `keeper`:
 * who has it open when it has no name any more, else 0. */
void quota_set(const struct quota_file_use *before, uint32_t rule, int64_t pages,
	       int32_t keeper);

/* It is gone, with what it took. */
void quota_drop(const struct quota_file_use *before, uint32_t rule);

/* Files without a name that nobody living has open. True: there were some. */
bool quota_forget_dead(uint32_t rule);

#endif
