/*
 * Rules in catchall.h. The handler makes no call itself: it sends the thread on to
 * catch_call, on its own stack and with its own signal mask, so that signals, restarts,
 * cancellation and jumps out of handlers are what they are without us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include "call.h"
#include "catchall.h"
#include "failure.h"
#include "plan.h"
#include "sys.h"
#include "thread.h"

enum { RED_ZONE = 128, ROOM = 256, LEAST = 2048 /* MINSIGSTKSZ */, SMALL = 16384, ENOUGH = 65536, DISPATCHED = 2 /* SYS_USER_DISPATCH, signal.h */ };

#define SIGSYS_BIT (1ul << (SIGSYS - 1))
#define ALL_SIGNALS (~0ul)

/* catchall_x86_64.S */
void catch_call(void), catch_sigreturn(void), catch_restorer(void);
void catch_clone(void), catch_vfork(void);
int64_t catch_made(struct caught *caught);

/* Where a thread goes on that has made another process or thread. */
struct forked {
	int64_t rip;
	uint64_t mask;
};

extern const uint16_t by_number[];
extern const uint32_t numbers;
/* From the start of the image to the end of its code; a `syscall` may not be the last
 * instruction of it, for the kernel looks at the address behind. */
extern const char etext[] __attribute__((visibility("hidden")));
uint64_t catch_length __attribute__((visibility("hidden")));

_Thread_local struct forked catch_way_back
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* As the kernel has it, sigaction(2). */
struct action {
	void (*handler)(int, siginfo_t *, void *);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

static struct action theirs;   /* the program's own action for SIGSYS */
/* The alternate stack this thread asked for, where we gave it a bigger one. */
static _Thread_local stack_t small_stack __attribute__((tls_model("initial-exec")));

_Static_assert(offsetof(struct caught, flags) == 56, "catch_call");
_Static_assert(offsetof(struct caught, resume) == 88, "catch_call");

/* ---- in the handler ---- */

static void put_forked(int64_t stack, const struct forked *forked)
{
	*(struct forked *)(stack - ROOM) = *forked;
}

static int64_t new_stack(int64_t nr, const greg_t *r)
{
	const struct clone_args *args = (const struct clone_args *)r[REG_RDI];

	if (nr == __NR_clone)
		return r[REG_RSI];
	if (nr == __NR_clone3 && args)
		return (int64_t)(args->stack + args->stack_size);
	return 0;
}

static uint64_t clone_flags(int64_t nr, const greg_t *r)
{
	if (nr == __NR_clone3)
		return ((const struct clone_args *)r[REG_RDI])->flags;
	return nr == __NR_clone ? (uint64_t)r[REG_RDI]
		: nr == __NR_vfork ? CLONE_VM | CLONE_VFORK : 0;
}

static void divide(ucontext_t *context, int64_t nr)
{
	greg_t *r = context->uc_mcontext.gregs;
	uint64_t *mask = (uint64_t *)&context->uc_sigmask;
	struct forked forked = { r[REG_RIP], *mask };
	int64_t stack = new_stack(nr, r);
	bool shared = !stack && clone_flags(nr, r) & CLONE_VM;

	put_forked(r[REG_RSP], &forked);
	if (stack)
		put_forked(stack, &forked);
	if (shared)
		catch_way_back = forked;
	*mask = ALL_SIGNALS & ~SIGSYS_BIT;
	r[REG_RIP] = shared ? (int64_t)catch_vfork : (int64_t)catch_clone;
}

static void leave_handler(ucontext_t *context)
{
	greg_t *r = context->uc_mcontext.gregs;
	ucontext_t *frame = (ucontext_t *)r[REG_RSP];

	*(uint64_t *)&frame->uc_sigmask &= ~SIGSYS_BIT;
	r[REG_RIP] = (int64_t)catch_sigreturn;
}

static void redirect(greg_t *r, int64_t nr)
{
	int64_t to = ((r[REG_RSP] - RED_ZONE) & -16l) - (int64_t)sizeof(struct caught) - 8;
	struct caught *caught = (struct caught *)to;

	*caught = (struct caught){
		.nr = nr,
		.args = { r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8],
			  r[REG_R9] },
		.flags = r[REG_EFL],
		.rbp = r[REG_RBP],
		.rip = r[REG_RIP],
		.rsp = r[REG_RSP],
		.resume = r[REG_RIP],
	};
	r[REG_RSP] = to;
	r[REG_RIP] = (int64_t)catch_call;
}

/* A SIGSYS that somebody sent, or that a seccomp filter of the program's asked for. */
static void not_ours(int sig, siginfo_t *info, void *context)
{
	if (theirs.handler != (void *)SIG_DFL && theirs.handler != (void *)SIG_IGN) {
		theirs.handler(sig, info, context);
		return;
	}
	if (theirs.handler == (void *)SIG_IGN)
		return;
	struct action none = { .handler = (void *)SIG_DFL };

	sys4(__NR_rt_sigaction, SIGSYS, &none, 0, 8);
	sys3(__NR_tgkill, sys0(__NR_getpid), sys0(__NR_gettid), SIGSYS);
}

static void handle(int sig, siginfo_t *info, void *data)
{
	ucontext_t *context = data;

	if (info->si_code != DISPATCHED) {
		not_ours(sig, info, data);
		return;
	}
	switch (info->si_syscall) {
	case __NR_rt_sigreturn: leave_handler(context); break;
	case __NR_clone:
	case __NR_clone3:
	case __NR_fork:
	case __NR_vfork: divide(context, info->si_syscall); break;
	default: redirect(context->uc_mcontext.gregs, info->si_syscall);
	}
}

/* ---- after it: on the program's stack ---- */

static long raw(struct call *call, int64_t nr)
{
	int64_t *a = call->args;

	return sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* A set of signals of the program's, without the one that must not be blocked. */
static bool without_sigsys(int64_t *arg, uint64_t *room)
{
	if (!*arg || !readable((void *)*arg, 8))
		return false;
	*room = *(uint64_t *)*arg & ~SIGSYS_BIT;
	*arg = (int64_t)room;
	return true;
}

static long change_action(struct call *call)
{
	struct action *new = (struct action *)call->args[1], *old = (void *)call->args[2];
	struct action mine, was = theirs;

	if (call->args[0] == SIGSYS) {
		if ((new && !readable(new, sizeof(*new)))
		    || (old && !readable(old, sizeof(*old))))
			return -EFAULT;
		if (new)
			theirs = *new;
		if (old)
			*old = was;
		return 0;
	}
	if (new && readable(new, sizeof(*new))) {
		mine = *new;
		mine.mask &= ~SIGSYS_BIT;
		call->args[1] = (int64_t)&mine;
	}
	return raw(call, __NR_rt_sigaction);
}

/* pselect(2): the mask comes with its size, by a pointer. */
static long select_with(struct call *call, uint64_t *mask)
{
	struct { int64_t set; uint64_t size; } *given = (void *)call->args[5], mine;

	if (!given || !readable(given, sizeof(*given)))
		return raw(call, __NR_pselect6);
	mine.set = given->set;
	mine.size = given->size;
	without_sigsys(&mine.set, mask);
	call->args[5] = (int64_t)&mine;
	return raw(call, __NR_pselect6);
}

/* A stack for handlers that has room for theirs and for ours: the kernel's frame alone
 * takes more than three KiB where registers are wide. The program's own is told when it
 * asks, and left alone. */
static long change_stack(struct call *call)
{
	stack_t *new = (stack_t *)call->args[0], *old = (stack_t *)call->args[1];
	stack_t bigger, was = small_stack;

	if (new && readable(new, sizeof(*new)) && !(new->ss_flags & SS_DISABLE)
	    && new->ss_size >= LEAST && new->ss_size < SMALL) {
		long at = sys6(__NR_mmap, 0, ENOUGH, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at < 0 && at > -4096)
			return at;
		bigger = (stack_t){ .ss_sp = (void *)at, .ss_flags = new->ss_flags,
				    .ss_size = ENOUGH };
		call->args[0] = (int64_t)&bigger;
	}
	long ret = raw(call, __NR_sigaltstack);

	if (!ret && old && was.ss_size) {
		old->ss_sp = was.ss_sp;
		old->ss_size = was.ss_size;
	}
	if (!ret && new)
		small_stack = call->args[0] == (int64_t)&bigger ? *new : (stack_t){ 0 };
	return ret;
}

/* The syscall itself, from here; where it has a mask, SIGSYS is not in it. */
static long make(struct call *call, int64_t nr)
{
	uint64_t mask;

	switch (nr) {
	case __NR_rt_sigaction: return change_action(call);
	case __NR_rt_sigprocmask: without_sigsys(&call->args[1], &mask); break;
	case __NR_rt_sigsuspend: without_sigsys(&call->args[0], &mask); break;
	case __NR_ppoll: without_sigsys(&call->args[3], &mask); break;
	case __NR_pselect6: return select_with(call, &mask);
	case __NR_sigaltstack: return change_stack(call);
	case __NR_epoll_pwait:
	case __NR_epoll_pwait2: without_sigsys(&call->args[4], &mask); break;
	default: break;
	}
	return raw(call, nr);
}

static void real_caught(struct call *call)
{
	int64_t args[MAX_ARGS];

	__builtin_memcpy(args, call->args, sizeof(args));
	call->ret = make(call, syscall_of[call->id]);
	__builtin_memcpy(call->args, args, sizeof(args));
	if (call->ret < 0 && call->ret > -4096) {
		call->err = (int32_t)-call->ret;
		call->ret = -1;
	}
}

/* What a wrapper is just making; what a Python hook does; and the last of exit(3), when
 * our handler of its has told the end. */
static bool not_to_be_seen(uint64_t nr)
{
	return thread.own == nr + 1 || thread.asking
		|| (nr == __NR_exit_group && thread_ended);
}

/* Called by catch_call; the result is the kernel's, -errno when it failed. */
int64_t catch_made(struct caught *caught)
{
	struct call call;
	uint64_t nr = (uint64_t)caught->nr;
	uint16_t id = nr < numbers ? by_number[nr] : 0;

	call_begin(&call, id ? (uint16_t)(id - 1) : 0, (void *)caught->rip);
	__builtin_memcpy(call.args, caught->args, sizeof(call.args));
	if (!id || !parts.rows[id - 1].want || not_to_be_seen(nr)) {
		thread.own = 0;
		return make(&call, caught->nr);
	}
	call.flags = thread.within ? CALL_CAUGHT | CALL_WITHIN : CALL_CAUGHT;
	call_run(&call, real_caught);
	return call.err ? -call.err : call.ret;
}

/* ---- at the start ---- */

bool catchall_arm(void)
{
	struct action act = {
		.handler = handle,
		.flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | 0x04000000 /* SA_RESTORER */,
		.restorer = catch_restorer,
		.mask = ALL_SIGNALS & ~SIGSYS_BIT,
	};
	uint64_t unblock = SIGSYS_BIT;

	catch_length = (uint64_t)(etext - catch_begin);
	if (sys4(__NR_rt_sigaction, SIGSYS, &act, &theirs, 8))
		return false;
	sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &unblock, 0, 8);
	if (sys6(__NR_prctl, 59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, (long)catch_begin,
		 (long)catch_length, 0, 0) == 0)
		return true;
	sys4(__NR_rt_sigaction, SIGSYS, &theirs, 0, 8);
	return false;
}
