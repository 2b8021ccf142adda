/* Rules in apart.h. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "apart.h"
#include "masks.h"
#include "sys.h"
#include "thread.h"

enum {
	LEAST = 2048,   /* MINSIGSTKSZ: what the kernel takes */
	SMALL = 16384,  /* has no room for two frames of the kernel's and ours */
};

static _Thread_local struct apart *this_threads __attribute__((tls_model("initial-exec")));

struct apart *apart(bool make)
{
	if (this_threads || !make)
		return this_threads;
	long at = sys6(__NR_mmap, 0, sizeof(struct apart), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (at < 0 && at > -4096)
		return NULL;
	return this_threads = (struct apart *)at;
}

/* The kernel says no while we are on it: then it stays. */
void apart_free(void)
{
	stack_t none = { .ss_flags = SS_DISABLE };
	struct apart *old = this_threads;

	if (!old || in_vfork_child() || sys2(__NR_sigaltstack, &none, 0))
		return;
	this_threads = NULL;
	sys2(__NR_munmap, old, sizeof(*old));
}

/* ---- alternate stacks ---- */

static bool is_small(const stack_t *new)
{
	return given(new, sizeof(*new)) && !(new->ss_flags & SS_DISABLE)
		&& new->ss_size >= LEAST && new->ss_size < SMALL;
}

/* We are on it: disarmed for the while (SS_AUTODISARM), it is in use all the same. */
static bool is_on(const struct apart *mine)
{
	return (uint64_t)&mine - (uint64_t)mine->stack < STACK_ROOM;
}

/* A stack that has room for theirs and for ours: the kernel's frame alone takes more than
 * three KiB where registers are wide. The program's own is told when it asks. */
long change_stack(struct call *call, int64_t nr)
{
	stack_t *new = (stack_t *)call->args[0], *old = (stack_t *)call->args[1];
	bool small = is_small(new);
	struct apart *mine = apart(small);
	stack_t bigger, asked, was = mine ? mine->asked : (stack_t){ 0 };

	small = small && mine && !is_on(mine);
	if (small) {
		asked = *new;
		bigger = (stack_t){ .ss_sp = mine->stack, .ss_flags = new->ss_flags,
				    .ss_size = STACK_ROOM };
		call->args[0] = (int64_t)&bigger;
	}
	long ret = call_raw(call, nr);

	if (!ret && old && mine && old->ss_sp == mine->stack) {
		old->ss_sp = was.ss_sp;
		old->ss_size = was.ss_size;
	}
	if (!ret && small)
		mine->asked = asked;
	return ret;
}
