/*
 * The syscalls that come back twice: clone, clone3, fork, vfork. No frame of C may be under
 * them, so all that is needed behind lies in the struct caught: on the program's stack, which
 * fork copies; a copy of it on the child's stack, where that is another; and for a vfork,
 * whose child runs on this very stack, a copy that is the thread's (apart.h).
 *
 * Every signal is blocked in between: no handler may find a child that is not armed yet, nor
 * a stack that is half of each. SIGSYS is not, by which the catch-all lives.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include "apart.h"
#include "catchall.h"
#include "dispatch.h"
#include "masks.h"
#include "plan.h"
#include "sigsys.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum { ROOM = 256 /* catchall_x86_64.S */ };

_Static_assert(sizeof(struct caught) <= ROOM, "on the child's stack");

/* catchall_x86_64.S: the child on the same stack, on another. */
void catch_same(void), catch_other(void);
struct caught *catch_parent(struct caught *caught, int64_t ret);
struct caught *catch_child(struct caught *caught);

/* What a child is to be, as clone(2) and clone3(2) say it. */
struct child {
	uint64_t flags;
	int64_t stack;  /* its top, 0: as the parent's */
	int64_t tls;
};

bool divides(uint64_t nr)
{
	return nr == __NR_clone || nr == __NR_clone3 || nr == __NR_fork || nr == __NR_vfork;
}

static struct child child_of(const struct caught *caught)
{
	const struct clone_args *args = (const struct clone_args *)caught->args[0];

	switch (caught->nr) {
	case __NR_clone:
		return (struct child){ (uint64_t)caught->args[0], caught->args[1],
				       caught->args[4] };
	case __NR_vfork: return (struct child){ .flags = CLONE_VM | CLONE_VFORK };
	case __NR_fork: return (struct child){ 0 };
	default: break;
	}
	/* The kernel refuses what it can't read, so there won't be a child. */
	if (!readable(args, CLONE_ARGS_SIZE_VER0))
		return (struct child){ 0 };
	return (struct child){ args->flags, (int64_t)(args->stack + args->stack_size),
			       (int64_t)args->tls };
}

/* We keep things in the thread: it must have memory of its own, made as libc makes it. A
 * thread control block begins with its own address. Who shares its parent's is alone with it
 * only while the parent waits. */
static bool can_be_armed(const struct child *child)
{
	const int64_t *tls = (const int64_t *)child->tls;

	if (child->flags & CLONE_SETTLS)
		return readable(tls, sizeof(*tls)) && *tls == child->tls;
	return !(child->flags & CLONE_VM) || child->flags & CLONE_VFORK;
}

/* The child of a vfork may vfork, too: it has the memory of its parent's thread. Where there
 * is no room it is made a fork, as vfork(2) allows. */
static void lend(struct caught *caught)
{
	struct apart *mine = apart(true);

	for (int i = 0; mine && i < LENT; i++)
		if (!mine->lent[i].in_use) {
			caught->parents = &mine->lent[i];
			mine->lent[i] = *caught;
			mine->lent[i].in_use = true;
			return;
		}
	caught->nr = __NR_fork;
}

/* Those behind it are of children that died in a vfork of their own. */
static void take_back(struct caught *lent)
{
	for (const struct caught *end = apart(false)->lent + LENT; lent < end; lent++)
		lent->in_use = false;
}

static void put_on(const struct child *child, struct caught *caught)
{
	struct caught *copy = (struct caught *)(child->stack - ROOM);

	if (!readable(copy, sizeof(*copy)))
		return;
	*copy = *caught;
	copy->rsp = child->stack;
}

static void remember(struct caught *caught, const struct call *call, bool log)
{
	caught->parents = caught->first = caught;
	caught->entered = call->entered;
	caught->rule = call->rule;
	caught->count = call->count;
	caught->id = call->id;
	caught->call_flags = call->flags;
	caught->via = call->via;
	caught->log = log || call->flags & CALL_HIT;
	caught->blocked = sigsys_blocked;
	caught->armed = thread.armed;
}

/* By which way through the kernel to go, with all signals blocked. */
static struct way prepare(struct caught *caught)
{
	uint64_t all = ~SIGSYS_BIT;
	struct child child = child_of(caught);

	caught->arm = thread.armed && !quiet && can_be_armed(&child);
	caught->clears = child.flags & CLONE_CLEAR_SIGHAND;
	if (thread.armed && !caught->arm)
		skipped(SKIP_CHILD);
	if (child.flags & CLONE_VM && !(child.flags & CLONE_THREAD))
		vfork_mark();
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &caught->mask, 8);
	if (child.stack) {
		put_on(&child, caught);
		return (struct way){ caught, catch_other };
	}
	if (child.flags & CLONE_VM)
		lend(caught);
	return (struct way){ caught, catch_same };
}

struct way divide(struct caught *caught, struct call *call, bool known)
{
	bool log = !known && parts.rows[call->id].want & WANT_LOG;

	if (!known)
		call_decide(call);
	if (call->flags & CALL_ANSWERED) {
		trace_call(call);
		caught->nr = call->err ? -call->err : call->ret;
		return (struct way){ caught, NULL };
	}
	remember(caught, call, log);
	return prepare(caught);
}

static void tell(const struct caught *caught, int64_t ret)
{
	struct call call;

	call_begin(&call, caught->id, (void *)caught->rip);
	__builtin_memcpy(call.args, caught->args, sizeof(call.args));
	call.entered = caught->entered;
	call.rule = caught->rule;
	call.count = caught->count;
	call.flags = caught->call_flags;
	call.via = caught->via;
	call.ret = ret < 0 ? -1 : ret;
	call.err = ret < 0 ? (int32_t)-ret : 0;
	trace_call(&call);
}

/* In the parent, or where there is no child. What a vfork's child left of the stack is put
 * right first. */
struct caught *catch_parent(struct caught *caught, int64_t ret)
{
	struct caught *first = caught->first;
	struct apart *mine = apart(false);

	if (caught != first) {
		*first = *caught;
		take_back(caught);
	}
	first->nr = ret;
	thread.armed = first->armed;
	if (mine)
		mine->childs_own = false;
	if (first->log && thread_ready())
		tell(first, ret);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &first->mask, 0, 8);
	return first;
}

/* The child's first steps, on its own stack. */
struct caught *catch_child(struct caught *caught)
{
	caught->nr = 0;
	if (caught->arm) {
		sigsys_inherit(caught->blocked, caught->clears);
		if (caught->clears && catchall_handle())
			skipped(SKIP_CHILD);
		if (catchall_on())
			skipped(SKIP_CHILD);
	}
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &caught->mask, 0, 8);
	return caught;
}
