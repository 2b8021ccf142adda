/* The heap of the bridge's namespace, heap.c. */
#ifndef PYSHIM_HEAP_H
#define PYSHIM_HEAP_H

/* In a fork's child, before anything else there: the thread that held its lock is not. */
void heap_after_fork(void);

#endif
