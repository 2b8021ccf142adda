/*
 * Keeping the preload over exec: whatever environment the program hands on, its child
 * is to run under the shim, and where it can't, to run as if there were none.
 *
 * Everything here may run in a vfork child, on its parent's memory: the new environment
 * lives on the stack, nothing is allocated, and nothing global is changed but the mark
 * on our entry in the arena. If the environment is too large to be copied, the
 * program's own is handed on, and that is counted (SKIP_EXEC).
 */
#ifndef PYSHIM_PRELOAD_H
#define PYSHIM_PRELOAD_H

#include "call.h"

typedef char *const *strings;

/* What each way to exec differs in, once there is an environment. */
typedef long exec_real(struct call *call, strings envp);

/* Make the call with envp put right for the file it will run, `path` (relative to
 * `dirfd`, as in openat(2)); note it when that file will bypass us. Sets call->ret. */
void exec_file(struct call *call, exec_real *go, int dirfd, const char *path, strings envp);

/* Make the call with envp as it is. */
void exec_unchanged(struct call *call, exec_real *go, strings envp);

/* The file execvp(3) would take for `file`: the first on PATH that may be executed. */
const char *on_path(const char *file, char room[4096]);

/* exec.c: of execve and execveat, also where they are made by syscall(2). */
call_real real_execve, real_execveat;

/* exec.c: one that came through no function. The result is the kernel's. */
long exec_caught(struct call *call);

#endif
