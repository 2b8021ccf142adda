/*
 * What we need of libc beside the calls of the table, by its place in libc itself: another
 * library that defines such a name (a sanitizer) may not be ready when we call it.
 */
#ifndef PYSHIM_INNER_H
#define PYSHIM_INNER_H

#include <pthread.h>
#include <stdbool.h>

struct inner {
	int (*on_exit)(void (*)(int, void *), void *);
	int (*register_atfork)(void (*)(void), void (*)(void), void (*)(void), void *);
	__typeof__(pthread_key_create) *key_create;
	__typeof__(pthread_key_delete) *key_delete;
	__typeof__(pthread_setspecific) *setspecific;
	__typeof__(pthread_setcancelstate) *setcancelstate;
};

extern struct inner inner;

/* Constructor only; false: this is no libc that we know. */
bool inner_find(void);

#endif
