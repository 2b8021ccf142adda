/* Rules in askable.h. */
#define _GNU_SOURCE
#include "askable.h"
#include "bridge.h"
#include "loaded.h"
#include "sys.h"
#include "thread.h"

/* ld.so and libc; all 0: nobody knows. */
static struct library loader, libc;
/* Of an allocator that is no part of libc: jemalloc, tcmalloc. A sanitizer is none, for what
 * it calls is what the program called. */
static struct library allocator;

/* It is in the program's own file: its calls can't be told from the program's. */
static bool own_allocator;

void askable_init(void)
{
	find_library("ld-linux-x86-64.so.2", &loader);
	find_library("libc.so.6", &libc);
	own_allocator = program_defines("malloc", "read");
	find_definer("malloc", "read", &allocator);
}

bool askable_only_if_started(void)
{
	return own_allocator;
}

/* libc asks for memory with its allocator's lock held, which Python, or starting it, would
 * take as well; ld.so asks while it loads a library, and Python would load more. */
static bool holds_locks(const struct call *call)
{
	/* Asked in there, a hook would wait for the very lock that is held, if it needs memory
	 * of ld.so's: for Python itself, for an import, for a thread variable. */
	if (library_has(&allocator, call->site))
		return true;
	if (!(call->flags & CALL_CAUGHT) && !own_allocator)
		return false;
	if (library_has(&loader, call->site))
		return true;
	switch (syscall_of[call->id]) {
	case __NR_brk:
	case __NR_mmap:
	case __NR_munmap:
	case __NR_mremap:
	case __NR_mprotect:
	case __NR_madvise:
	case __NR_getrandom: /* the allocator's first own call, malloc.c of glibc 2.36 */
	case __NR_futex: return true;
	/* The first step of libc's own handler, by which pthread_cancel(3) reaches a thread.
	 * That is then marked as being cancelled, and a cancellation point in a hook would
	 * wait for the next mark, which comes behind this call. */
	case __NR_getpid: return library_has(&libc, call->site);
	default: return false;
	}
}

bool askable(const struct call *call)
{
	if (holds_locks(call))
		skipped(SKIP_HOOK_MEMORY);
	else if (thread.asking)
		skipped(SKIP_HOOK_REENTERED);
	else if (in_vfork_child())
		skipped(SKIP_HOOK_VFORK);
	else if (bridge_is_anothers())
		skipped(SKIP_HOOK_FORKED);
	else if (quiet)
		skipped(SKIP_SECCOMP);
	else
		return true;
	return false;
}
