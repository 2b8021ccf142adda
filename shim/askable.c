/* Rules in askable.h. */
#define _GNU_SOURCE
#include "askable.h"
#include "bridge.h"
#include "loaded.h"
#include "sys.h"
#include "thread.h"

/* ld.so; all 0: nobody knows. */
static struct library loader;

void askable_init(void)
{
	find_library("ld-linux-x86-64.so.2", &loader);
}

/* libc asks for memory with its allocator's lock held, which Python, or starting it, would
 * take as well; ld.so asks while it loads a library, and Python would load more. */
static bool holds_locks(const struct call *call)
{
	if (!(call->flags & CALL_CAUGHT))
		return false;
	if (call->site - (uint64_t)loader.text < (uint64_t)(loader.text_end - loader.text))
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
