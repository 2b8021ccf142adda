/*
 * The interpreter of this process: started by the first call that a hook wants, told of
 * forks and of threads that end, never ended. What bridge.c asks runs in it.
 */
#ifndef PYSHIM_PYTHON_H
#define PYSHIM_PYTHON_H

#include <stdbool.h>
#include "bridge.h"
#include "call.h"

/* HUNG: what ran in it was given up (hook_limit.h). Changed with the hook mutex held. */
enum python_state { PYTHON_OFF, PYTHON_ON, PYTHON_BROKEN, PYTHON_HUNG };

enum python_state python_state(void);

/* What the bridge library offers; NULL before it is loaded. */
extern struct bridge *bridge;

/* Constructor only: before any fork, and before the program takes pthread keys. */
void python_init(void);

/* Before a fork(3) that comes through a wrapper. */
void python_settles(void);

/* Of the keys that pthread_key_create(3) gives, those that lie in the thread itself. */
enum { KEYS = 32 };

/* python_fork.c: constructor only, forks and ends of threads are to be heard of from here. */
void python_follow(void);

/* In a fork's child: this process's Python is whole. */
void python_follows(void);

/* With the hook mutex held, in the thread that makes `call`: there is one to ask. Counts why
 * there is none. The first time it is started, which takes 8 ms. */
bool python_usable(const struct call *call, struct ground *ground);

/* Around what runs on a stack of hooks: its time is counted, and limited. `count` may be
 * NULL. False: it was given up. */
void python_begins(const struct call *call, char *top);
bool python_ends(uint64_t *count, uint64_t *ticks);

/* The first hook of this thread: Python is to hear of its end. */
void python_thread_begins(void);

/* It is over: what libc did behind its key destructors, by itself, was asked about, too. */
void python_thread_ends(void);

#endif
