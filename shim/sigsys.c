/* Rules in sigsys.h. Called on the program's stack, but for sigsys_sent(). */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>
#include "apart.h"
#include "catchall.h"
#include "masks.h"
#include "sigsys.h"
#include "sys.h"
#include "thread.h"

static struct action theirs;  /* the program's own action for SIGSYS */
static uint64_t masked_in;    /* signals whose action blocks SIGSYS, a bit each */

void sigsys_take(const struct action *before, uint64_t mask)
{
	theirs = *before;
	sigsys_blocked = mask & SIGSYS_BIT;
}

void sigsys_inherit(bool was_blocked, bool cleared)
{
	sigsys_blocked = was_blocked;
	if (cleared && theirs.handler != (void *)SIG_IGN && !in_vfork_child())
		theirs.handler = (void *)SIG_DFL;
}

/* ---- sent ---- */

static void die(void)
{
	struct action none = { .handler = (void *)SIG_DFL };

	sys4(__NR_rt_sigaction, SIGSYS, &none, 0, 8);
	sys3(__NR_tgkill, sys0(__NR_getpid), sys0(__NR_gettid), SIGSYS);
}

/* The program's handler, under the mask that it asked for. The one before comes back with
 * our own handler's return. */
static void handle_as_asked(siginfo_t *info, void *context)
{
	uint64_t mask = *(uint64_t *)&((ucontext_t *)context)->uc_sigmask | theirs.mask;
	struct action action = theirs;

	if (theirs.flags & SA_RESETHAND)
		theirs.handler = (void *)SIG_DFL;
	sigsys_blocked = !(action.flags & SA_NODEFER) || theirs.mask & SIGSYS_BIT;
	mask &= ~SIGSYS_BIT;
	/* The program's own dispatch may send this one back as well. */
	if (!quiet && info->si_code != DISPATCHED)
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
	action.handler(SIGSYS, info, context);
	sigsys_blocked = false;
	send_what_waited();
}

/* What a filter asks for can't wait, nor be ignored, seccomp(2). */
void sigsys_sent(siginfo_t *info, void *context)
{
	void (*handler)(int, siginfo_t *, void *) = theirs.handler;
	bool filter = info->si_code == 1 /* SYS_SECCOMP */;
	bool ignored = handler == (void *)SIG_IGN;

	if (filter && (sigsys_blocked || ignored))
		die();
	else if (sigsys_blocked)
		keep_waiting(info);
	else if (ignored)
		return;
	else if (handler == (void *)SIG_DFL)
		die();
	else
		handle_as_asked(info, context);
}

/* ---- the action ---- */

/* A vfork child's actions are its own, our memory is its parent's. */
static struct action *action_here(bool change)
{
	struct apart *mine = in_vfork_child() ? apart(change) : NULL;

	if (!mine || (!change && !mine->childs_own))
		return &theirs;
	if (!mine->childs_own)
		mine->childs = theirs;
	mine->childs_own = true;
	return &mine->childs;
}

/* Two signals can't be blocked, sigaction(2). */
static void set_action(struct action *action, const struct action *new)
{
	*action = *new;
	action->mask &= ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1));
}

/* The old one is told by the kernel, which knows whether it can be. */
static long change_own(struct call *call, struct action *new, struct action *old)
{
	struct action was = *action_here(false);
	int64_t size = call->args[3];

	if (size != sizeof(was.mask))
		return -EINVAL;
	if (new && !given(new, sizeof(*new)))
		return -EFAULT;
	if (new)
		set_action(action_here(true), new);
	if (new && new->handler == (void *)SIG_IGN)
		forget_what_waits();
	if (old && sys4(__NR_rt_sigaction, SIGSYS, 0, old, size))
		return -EFAULT;
	if (old)
		*old = was;
	return 0;
}

static void now_masked(uint64_t bit, bool masks)
{
	/* Relaxed: the program orders its own changes of one signal's action. */
	uint64_t before = __atomic_load_n(&masked_in, __ATOMIC_RELAXED);

	if (!(before & bit) == !masks || in_vfork_child())
		return;
	if (masks)
		__atomic_or_fetch(&masked_in, bit, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&masked_in, ~bit, __ATOMIC_RELAXED);
}

static long change_action(struct call *call, int64_t nr)
{
	struct action *new = (struct action *)call->args[1];
	struct action *old = (struct action *)call->args[2], room;
	uint64_t bit = 1ul << ((call->args[0] - 1) & 63);
	bool was = __atomic_load_n(&masked_in, __ATOMIC_RELAXED) & bit, masks = false;

	if (call->args[0] == SIGSYS)
		return change_own(call, new, old);
	if (given(new, sizeof(room))) {
		room = *new;
		masks = room.mask & SIGSYS_BIT;
		room.mask &= ~SIGSYS_BIT;
		call->args[1] = (int64_t)&room;
	}
	long ret = call_raw(call, nr);

	if (!ret && old && was)
		old->mask |= SIGSYS_BIT;
	if (call->args[1] == (int64_t)&room && (!ret || ret == -EFAULT))
		now_masked(bit, masks);
	return ret;
}

/* ---- exec ---- */

/* What is ignored, what is blocked and what waits stays so in the next program, execve(2). */
static void hand_on(bool now)
{
	struct action ignore = { .handler = (void *)SIG_IGN };
	bool ignored = action_here(false)->handler == (void *)SIG_IGN;
	uint64_t bit = SIGSYS_BIT;

	if (sigsys_blocked && now)
		sys4(__NR_rt_sigprocmask, SIG_BLOCK, &bit, 0, 8);
	if (ignored && now)
		sys4(__NR_rt_sigaction, SIGSYS, &ignore, 0, 8);
	else if (ignored)
		catchall_handle();
	if (sigsys_blocked && now)
		send_what_waited();
	else if (sigsys_blocked)
		sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
}

static long become(struct call *call, int64_t nr)
{
	hand_on(true);
	long ret = call_raw(call, nr);

	hand_on(false);
	return ret;
}

/* The thread ends, exit(2). */
static long end(struct call *call, int64_t nr)
{
	apart_free();
	return call_raw(call, nr);
}

kept_call *sigsys_way(uint64_t nr)
{
	switch (nr) {
	case __NR_rt_sigaction: return change_action;
	case __NR_sigaltstack: return change_stack;
	case __NR_execve:
	case __NR_execveat: return become;
	case __NR_exit: return end;
	default: return masks_way(nr);
	}
}

long sigsys_call(struct call *call, int64_t nr)
{
	kept_call *way = sigsys_way((uint64_t)nr);

	return way ? way(call, nr) : call_raw(call, nr);
}
