/*
 * Process hooks: plugins are told of a program's start, of a fork in the child, of an exec
 * and of the end. What they are told is a struct moment; whatever else there is to know
 * Python finds out by itself, when it is asked for (pyshim/inside/process.py).
 *
 * Python starts with each program of a run that has one of them, at the end of our
 * constructor. Later would be worse: a handler may call _exit(2) in the middle of malloc, and
 * a fork's child may have a lock of ld.so's that nobody holds any more; dlmopen(3) needs both.
 * And a shell's children inherit Python, where each would start its own. That the
 * constructor is no bad place, before libc's own, with any allocator or sanitizer, is tried by
 * tests/integration/test_process_hosts.py.
 */
#ifndef PYSHIM_PROCESS_HOOKS_H
#define PYSHIM_PROCESS_HOOKS_H

#include "call.h"
#include "wire.h"

/* While our constructor starts Python. */
extern bool in_constructor;

struct moment {
	uint32_t kind;       /* enum moment_kind */
	int32_t parent;      /* MOMENT_FORK: who forked */
	int32_t status;      /* MOMENT_EXIT */
	int32_t dirfd;       /* MOMENT_EXEC, as the rest: what was given to the call */
	const char *path;
	char *const *argv, *const *envp;
};

/* Who is to be told, a bit for each hook; with the hook mutex held. */
uint32_t moment_hooks(const struct moment *moment);

/* Constructor only: tells the start, and starts Python where that is not to wait for a call
 * that a hook wants. `envp` is what the kernel gave. */
void process_starts(char **envp);

/* In the child of fork(3), when its Python is whole. */
void process_forked(int32_t parent);

/* `call` is one of an exec, or one that makes a child to exec in: no hook is asked there. */
void process_execs(const struct call *call, int dirfd, const char *path, char *const *envp);

/* Of several threads that end the process the others wait for the first one's hook, or
 * they would cut it off. */
void process_ends(int64_t status);

#endif
