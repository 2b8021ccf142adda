/* The wrappers of the exec family, written by hand: preload.h says why. */
#define _GNU_SOURCE
#include <alloca.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "call.h"
#include "paths.h"
#include "preload.h"
#include "real.h"
#include "sigsys.h"
#include "sys.h"
#include "thread.h"

/* Declared as libc declares them: a wrapper that drifts does not compile. */
__typeof__(execve) wrap_execve;
__typeof__(execv) wrap_execv;
__typeof__(execvp) wrap_execvp;
__typeof__(execvpe) wrap_execvpe;
__typeof__(execl) wrap_execl;
__typeof__(execle) wrap_execle;
__typeof__(execlp) wrap_execlp;
__typeof__(execveat) wrap_execveat;
__typeof__(fexecve) wrap_fexecve;

/* ---- execve and those that are execve with another argument list ---- */

static long go_execve(struct call *call, strings envp)
{
	return REAL(execve)((const char *)call->args[0], (strings)call->args[1], envp);
}

void real_execve(struct call *call)
{
	exec_file(call, go_execve, AT_FDCWD, (const char *)call->args[0],
		  (strings)call->args[2]);
}

static int run_execve(uint16_t id, const char *path, strings argv, strings envp,
		      const void *site)
{
	struct call call;

	call_begin(&call, id, site);
	call.args[0] = (long)path;
	call.args[1] = (long)argv;
	call.args[2] = (long)envp;
	return (int)call_run(&call, real_execve);
}

int wrap_execve(const char *path, strings argv, strings envp)
{
	return run_execve(CALL_execve, path, argv, envp, __builtin_return_address(0));
}

int wrap_execv(const char *path, strings argv)
{
	return run_execve(CALL_execv, path, argv, environ, __builtin_return_address(0));
}

/* ---- execvp, execvpe: libc searches PATH, we only look where it will find ---- */

static long go_execvpe(struct call *call, strings envp)
{
	return REAL(execvpe)((const char *)call->args[0], (strings)call->args[1], envp);
}

static void real_execvpe(struct call *call)
{
	char room[4096];

	exec_file(call, go_execvpe, AT_FDCWD, on_path((const char *)call->args[0], room),
		  (strings)call->args[2]);
}

static int run_execvpe(uint16_t id, const char *file, strings argv, strings envp,
		       const void *site)
{
	struct call call;

	call_begin(&call, id, site);
	call.args[0] = (long)file;
	call.args[1] = (long)argv;
	call.args[2] = (long)envp;
	return (int)call_run(&call, real_execvpe);
}

int wrap_execvp(const char *file, strings argv)
{
	return run_execvpe(CALL_execvp, file, argv, environ, __builtin_return_address(0));
}

int wrap_execvpe(const char *file, strings argv, strings envp)
{
	return run_execvpe(CALL_execvpe, file, argv, envp, __builtin_return_address(0));
}

/* ---- execl, execlp, execle: the list is counted, then becomes an array here ---- */

/* As libc does: the first argument is never looked at, execl(3) asks for one. */
static size_t list_count(va_list list)
{
	size_t count = 2;

	while (va_arg(list, const char *))
		count++;
	return count;
}

static void list_fill(const char **argv, const char *first, va_list list)
{
	*argv++ = first;
	do
		*argv = va_arg(list, const char *);
	while (*argv++);
}

/* The array must live in the wrapper's own frame, hence a macro. */
#define LIST(argv, first) \
	va_list list; \
	va_start(list, first); \
	const char **argv = alloca(list_count(list) * sizeof(*argv)); \
	va_end(list); \
	va_start(list, first); \
	list_fill(argv, first, list)

int wrap_execl(const char *path, const char *arg, ...)
{
	LIST(argv, arg);
	va_end(list);
	return run_execve(CALL_execl, path, (strings)argv, environ,
			  __builtin_return_address(0));
}

int wrap_execle(const char *path, const char *arg, ...)
{
	LIST(argv, arg);
	strings envp = va_arg(list, strings);

	va_end(list);
	return run_execve(CALL_execle, path, (strings)argv, envp,
			  __builtin_return_address(0));
}

int wrap_execlp(const char *file, const char *arg, ...)
{
	LIST(argv, arg);
	va_end(list);
	return run_execvpe(CALL_execlp, file, (strings)argv, environ,
			   __builtin_return_address(0));
}

/* ---- execveat, fexecve: the file is an fd, or under one ---- */

static long go_execveat(struct call *call, strings envp)
{
	return REAL(execveat)((int)call->args[0], (const char *)call->args[1],
			      (strings)call->args[2], envp, (int)call->args[4]);
}

static void execveat_by(struct call *call, exec_real *go)
{
	char name[FD_ROOM];
	int dirfd = (int)call->args[0];
	const char *path = (const char *)call->args[1];

	if (call->args[4] & AT_EMPTY_PATH && dirfd >= 0 && readable_string(path, 4096) == 0) {
		fd_name(name, dirfd);
		path = name;
	}
	exec_file(call, go, dirfd, path, (strings)call->args[3]);
}

void real_execveat(struct call *call)
{
	execveat_by(call, go_execveat);
}

int wrap_execveat(int dirfd, const char *path, strings argv, strings envp, int flags)
{
	struct call call;

	call_begin(&call, CALL_execveat, __builtin_return_address(0));
	call.args[0] = dirfd;
	call.args[1] = (long)path;
	call.args[2] = (long)argv;
	call.args[3] = (long)envp;
	call.args[4] = flags;
	return (int)call_run(&call, real_execveat);
}

static long go_fexecve(struct call *call, strings envp)
{
	return REAL(fexecve)((int)call->args[0], (strings)call->args[1], envp);
}

static void real_fexecve(struct call *call)
{
	char name[FD_ROOM];

	/* execve(2) takes no environment for an empty one, fexecve(3) refuses it. */
	if (!call->args[2]) {
		exec_unchanged(call, go_fexecve, NULL);
		return;
	}
	fd_name(name, call->args[0] < 0 ? 0 : (int)call->args[0]);
	exec_file(call, go_fexecve, AT_FDCWD, name, (strings)call->args[2]);
}

int wrap_fexecve(int fd, strings argv, strings envp)
{
	struct call call;

	call_begin(&call, CALL_fexecve, __builtin_return_address(0));
	call.args[0] = fd;
	call.args[1] = (long)argv;
	call.args[2] = (long)envp;
	return (int)call_run(&call, real_fexecve);
}

/* ---- by an inline `syscall`: results are the kernel's ---- */

static long go_caught(struct call *call, strings envp)
{
	struct call with = *call;
	int64_t nr = syscall_of[call->id];

	with.args[nr == __NR_execve ? 2 : 3] = (int64_t)envp;
	return sigsys_call(&with, nr);
}

long exec_caught(struct call *call)
{
	if (syscall_of[call->id] == __NR_execve)
		exec_file(call, go_caught, AT_FDCWD, (const char *)call->args[0],
			  (strings)call->args[2]);
	else
		execveat_by(call, go_caught);
	return call->ret;
}
