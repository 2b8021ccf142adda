/*
 * A disk that is full (`quota=` of a rule): the files that a glob names take no more pages
 * than the rule allows, as if they were alone on a tmpfs of that size. The processes of a
 * run share it: what each file was last seen to take lies in the arena, and their sum.
 */
#ifndef PYSHIM_QUOTA_H
#define PYSHIM_QUOTA_H

#include "call.h"
#include "wire.h"

/* What is known of a file before the call: `key` 0 says none. */
struct quota_file_use {
	uint64_t key;
	int64_t pages;
};

struct quota_use {
	struct quota_file_use file;    /* what the call works on */
	struct quota_file_use other;   /* what a rename(2) puts it in the place of */
	uint64_t fit;      /* of what it is to write only so many bytes, 0: all */
	bool leaves;       /* the file goes, or goes elsewhere */
};

/* Whether the call takes or frees space of the files that the glob names. Some syscalls. */
bool quota_concerns(const struct call *call, const char *glob);

/* Before such a call: answers it with ENOSPC, or says what of it fits. */
void quota_begin(struct call *call, const struct plan_rule *rule, struct quota_use *use);

/* Behind it. Whoever never gets here, killed or jumped away, is counted by the next call
 * on the same file: what is kept is what a file takes, not what was added. */
void quota_end(const struct call *call, const struct plan_rule *rule,
	       const struct quota_use *use);

#endif
