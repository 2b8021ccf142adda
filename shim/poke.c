/*
 * Writing into the program's memory by process_vm_writev(2), as strace does: the kernel
 * checks each page, so a wild pointer, a read-only page or one that another thread is just
 * unmapping is an error and no crash. Of memory that ends too early the first part is
 * written.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/uio.h>
#include "plan.h"
#include "poke.h"
#include "sys.h"

long memory_write(void *to, const void *from, size_t size)
{
	struct iovec ours = { (void *)from, size };
	struct iovec theirs = { to, size };
	/* Ours by the kernel's word: a vfork child is another process on the same memory. */
	if (quiet)
		return -EPERM;
	return sys6(__NR_process_vm_writev, sys0(__NR_getpid), (long)&ours, 1, (long)&theirs, 1, 0);
}

void poke(const struct call *call, uint32_t at)
{
	const char *pokes = plan_text(at);

	for (const struct plan_poke *each = (const void *)pokes; each->size; each++)
		if (each->call == call->id
		    && memory_write((void *)call->args[each->arg], pokes + each->at, each->size) <= 0)
			skipped(SKIP_POKE);
}
