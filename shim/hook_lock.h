/* The hook mutex: held around every hook of the process, and across fork(2). In a page that
 * the kernel wipes in a child, so nobody waits there for who is not there. */
#ifndef PYSHIM_HOOK_LOCK_H
#define PYSHIM_HOOK_LOCK_H

#include <stdbool.h>

void lock_take(void);

/* For who may hold a lock of libc's or ld.so's that the thread inside waits for: gives up
 * after two seconds in which `in_haste()` was true. */
bool lock_take_soon(bool (*in_haste)(const void *), const void *argument);

void lock_give(void);

#endif
