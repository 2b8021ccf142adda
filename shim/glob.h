/*
 * Globs over paths, for rules with a path. `pyshim/glob.py` is the readable twin and
 * says what a pattern means; a test compares the two.
 *
 * glob_match() may run in any place a call can be made from: it calls nothing,
 * allocates nothing, does not recurse, and its time is polynomial for every pattern.
 */
#ifndef PYSHIM_GLOB_H
#define PYSHIM_GLOB_H

#include <stdbool.h>

/* Both are NUL-terminated bytes and compared as such; neither may be NULL. */
bool glob_match(const char *pattern, const char *text);

#endif
