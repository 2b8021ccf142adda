/* Rules in masks.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include "apart.h"
#include "catchall.h"
#include "masks.h"
#include "sys.h"
#include "thread.h"

_Thread_local bool sigsys_blocked
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Where no probe may be made, the program is believed. */
bool given(const void *at, size_t size)
{
	return at && (quiet ? (uintptr_t)at > 4095 : readable(at, size));
}

/* ---- what waits ---- */

void keep_waiting(const siginfo_t *info)
{
	struct apart *mine = apart(true);

	if (!mine)
		return;
	memcpy(mine->said, info, SAID);
	mine->pending = true;
}

void send_what_waited(void)
{
	struct apart *mine = apart(false);
	siginfo_t info = { 0 };

	if (!mine || !mine->pending)
		return;
	mine->pending = false;
	memcpy(&info, mine->said, SAID);
	sys4(__NR_rt_tgsigqueueinfo, sys0(__NR_getpid), sys0(__NR_gettid), SIGSYS, &info);
}

void forget_what_waits(void)
{
	struct apart *mine = apart(false);

	if (mine)
		mine->pending = false;
}

/* ---- the calls ---- */

/* A set of signals of the program's, without the one that must not be blocked.
 * True: it was there. */
static bool without(int64_t *arg, uint64_t *room)
{
	if (!given((void *)*arg, sizeof(*room)))
		return false;
	uint64_t set = *(uint64_t *)*arg;

	*room = set & ~SIGSYS_BIT;
	*arg = (int64_t)room;
	return set & SIGSYS_BIT;
}

static void now_blocked(int64_t how, bool named)
{
	if (how == SIG_SETMASK)
		sigsys_blocked = named;
	else if (named)
		sigsys_blocked = how == SIG_BLOCK;
	if (!sigsys_blocked)
		send_what_waited();
}

static long change_mask(struct call *call, int64_t nr)
{
	uint64_t room, *old = (uint64_t *)call->args[2];
	bool was = sigsys_blocked, sets = call->args[1];
	bool named = without(&call->args[1], &room);
	bool read = call->args[1] == (int64_t)&room;
	long ret = call_raw(call, nr);

	if (!ret && old && was)
		*old |= SIGSYS_BIT;
	/* That the old mask can't be told is noticed when the new one is set. */
	if (sets && (!ret || (ret == -EFAULT && read)))
		now_blocked(call->args[0], named);
	return ret;
}

static long tell_pending(struct call *call, int64_t nr)
{
	long ret = call_raw(call, nr);
	struct apart *mine = apart(false);

	if (!ret && mine && mine->pending && call->args[1] == sizeof(uint64_t))
		*(uint64_t *)call->args[0] |= SIGSYS_BIT;
	return ret;
}

static long take_waiting(siginfo_t *info, struct apart *mine)
{
	mine->pending = false;
	if (!info)
		return SIGSYS;
	if (!given(info, sizeof(*info)))
		return -EFAULT;
	memset(info, 0, sizeof(*info));
	memcpy(info, mine->said, SAID);
	return SIGSYS;
}

/* sigwaitinfo(2): what comes meanwhile comes to our handler, and so ends the wait. */
static long wait_for(struct call *call, int64_t nr)
{
	const uint64_t *set = (const uint64_t *)call->args[0];
	bool named = given(set, sizeof(*set)) && *set & SIGSYS_BIT;
	struct apart *mine = apart(named);

	if (!named || !mine)
		return call_raw(call, nr);
	long ret = mine->pending ? -EINTR : call_raw(call, nr);

	return ret == -EINTR && mine->pending ? take_waiting((siginfo_t *)call->args[1], mine)
		: ret;
}

/* A call that waits with another mask, and so for a SIGSYS that this one lets through. */
static long wait_with(struct call *call, int64_t nr, bool names)
{
	struct apart *mine = apart(false);
	bool was = sigsys_blocked, came = !names && mine && mine->pending;

	sigsys_blocked = names;
	if (came)
		send_what_waited();
	long ret = came ? -EINTR : call_raw(call, nr);

	sigsys_blocked = was;
	return ret;
}

static long with_set(struct call *call, int64_t nr, int arg)
{
	uint64_t room;

	if (!call->args[arg])
		return call_raw(call, nr);
	return wait_with(call, nr, without(&call->args[arg], &room));
}

/* pselect(2), io_pgetevents(2): the mask comes with its size, by a pointer. */
static long with_sized(struct call *call, int64_t nr)
{
	struct sized { int64_t set; uint64_t size; } sized, *at = (void *)call->args[5];
	uint64_t room;

	if (!given(at, sizeof(*at)) || !at->set)
		return call_raw(call, nr);
	sized = *at;
	bool names = without(&sized.set, &room);

	call->args[5] = (int64_t)&sized;
	return wait_with(call, nr, names);
}

static long with_first(struct call *call, int64_t nr)
{
	return with_set(call, nr, 0);
}

static long with_fourth(struct call *call, int64_t nr)
{
	return with_set(call, nr, 3);
}

static long with_fifth(struct call *call, int64_t nr)
{
	return with_set(call, nr, 4);
}

kept_call *masks_way(uint64_t nr)
{
	switch (nr) {
	case __NR_rt_sigprocmask: return change_mask;
	case __NR_rt_sigpending: return tell_pending;
	case __NR_rt_sigtimedwait: return wait_for;
	case __NR_rt_sigsuspend: return with_first;
	case __NR_ppoll: return with_fourth;
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2: return with_fifth;
	case __NR_pselect6:
	case __NR_io_pgetevents: return with_sized;
	default: return NULL;
	}
}
