/* Will the program in this file run under the shim? A look at its first bytes. */
#ifndef PYSHIM_PEEK_H
#define PYSHIM_PEEK_H

/* NULL: as far as can be seen, yes (or the file can't be read, or exec will fail).
 * Else a constant text saying why not. Follows `#!`. Raw syscalls and stack only, so
 * it may run in a vfork child. `path` may be relative to `dirfd`, as in openat(2). */
const char *peek_bypass(int dirfd, const char *path);

#endif
