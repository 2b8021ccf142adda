/* Rules in askable.h. */
#define _GNU_SOURCE
#include <link.h>
#include "askable.h"
#include "bridge.h"
#include "real.h"
#include "sys.h"
#include "thread.h"

/* Where ld.so is; both 0: nobody knows. */
static uint64_t loader, loader_size;

/* Its headers lie where it is loaded. */
void askable_init(void)
{
	const struct link_map *map = object_named("ld-linux-x86-64.so.2");
	const ElfW(Ehdr) *header = map ? (const void *)map->l_addr : NULL;

	if (!header || !readable(header, sizeof(*header)) || __builtin_memcmp(header, ELFMAG, SELFMAG))
		return;
	const ElfW(Phdr) *each = (const void *)(map->l_addr + header->e_phoff);

	loader = map->l_addr;
	for (int i = 0; i < header->e_phnum; i++)
		if (each[i].p_type == PT_LOAD && each[i].p_vaddr + each[i].p_memsz > loader_size)
			loader_size = each[i].p_vaddr + each[i].p_memsz;
}

/* libc asks for memory with its allocator's lock held, which Python, or starting it, would
 * take as well; ld.so asks while it loads a library, and Python would load more. */
static bool holds_locks(const struct call *call)
{
	if (!(call->flags & CALL_CAUGHT))
		return false;
	if (call->site - loader < loader_size)
		return true;
	switch (syscall_of[call->id]) {
	case __NR_brk:
	case __NR_mmap:
	case __NR_munmap:
	case __NR_mremap:
	case __NR_mprotect:
	case __NR_madvise:
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
