/*
 * Rules in catchall.h. The handler makes no call itself: it sends the thread on to
 * catch_call, on its own stack and with its own signal mask, so that signals, restarts,
 * cancellation and jumps out of handlers are what they are without us.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <ucontext.h>
#include "catchall.h"
#include "dispatch.h"
#include "patch.h"
#include "plan.h"
#include "preload.h"
#include "python.h"
#include "sigsys.h"
#include "sys.h"
#include "thread.h"
#include "trace.h"

enum {
	DEEP = 16384,      /* bytes of stack that libc takes for a thin wrapper, and more */
	DISPATCH = 59,     /* PR_SET_SYSCALL_USER_DISPATCH: 0 is off, 1 by range */
	RESTORER = 0x04000000,  /* SA_RESTORER */
	SYSCALL_LENGTH = 2,
};

/* catchall_x86_64.S */
void catch_call(void), catch_sigreturn(void), catch_restorer(void);

/* By number: to be made as it is (catchall_x86_64.S). */
uint8_t catch_plain[NUMBERS] __attribute__((visibility("hidden")));
/* From the start of the image to where those begin that are not to pass, and a byte more:
 * the kernel looks at the address behind the instruction. */
extern const char image[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

_Static_assert(NUMBERS == 512, "catchall_x86_64.S");
_Static_assert(offsetof(struct caught, flags) == 56, "catchall_x86_64.S");
_Static_assert(offsetof(struct caught, parents) == 96, "catchall_x86_64.S");
_Static_assert(sizeof(struct caught) <= 96 + 64, "catchall_x86_64.S, TAIL");

/* ---- in the handler ---- */

/* rcx and r11 are the kernel's to change at a `syscall`: all else stays as it is, and the
 * stack is left alone, for this frame's own registers lie where we would write. */
static void redirect(greg_t *r)
{
	r[REG_RCX] = r[REG_R11] = r[REG_RIP];
	r[REG_RIP] = (greg_t)catch_call;
}

static void handle(int sig, siginfo_t *info, void *data)
{
	greg_t *r = ((ucontext_t *)data)->uc_mcontext.gregs;

	(void)sig;
	if (info->si_code != DISPATCHED || !thread.armed) {
		sigsys_sent(info, data);
	} else if (info->si_arch == AUDIT_ARCH_X86_64) {
		redirect(r);
	} else {
		/* int $0x80: another table of numbers. */
		skipped(SKIP_NATIVE);
		catchall_off();
		r[REG_RIP] -= SYSCALL_LENGTH;
	}
}

/* ---- after it: on the program's stack ---- */

/* A call that the catch-all makes, and where it came from. */
struct made {
	struct call call;
	struct caught *caught;
	bool native;
};

static bool covers(const struct call *call, uint64_t address)
{
	uint64_t from = (uint64_t)call->args[0];

	return address - from < (uint64_t)call->args[1];
}

/* The thread gives away what we stand on: its stack, the register by which it finds its own
 * memory, the dispatch itself, of which there is one; or its signals, of which each is to stop
 * it for a tracer that may not wait for one yet. From here on it is bare. */
static bool leaves(const struct made *made)
{
	const struct call *call = &made->call;

	switch (made->caught->nr) {
	case __NR_munmap: return covers(call, (uint64_t)made->caught->rsp);
	case __NR_arch_prctl: return call->args[0] == ARCH_SET_FS;
	case __NR_prctl: return call->args[0] == DISPATCH && call->args[1];
	case __NR_ptrace: return call->args[0] == PTRACE_TRACEME;
	default: return false;
	}
}

/* The `syscall` itself is done when we are gone. */
static void leave(struct made *made)
{
	skipped(SKIP_NATIVE);
	catchall_off();
	made->native = true;
	made->caught->resume -= SYSCALL_LENGTH;
}

static long make(struct made *made)
{
	struct call *call = &made->call;

	if (thread.armed && leaves(made)) {
		leave(made);
		return 0;
	}
	/* To be off, as far as the program knows it is. */
	if (thread.armed && made->caught->nr == __NR_prctl && call->args[0] == DISPATCH)
		return call->args[2] | call->args[3] | call->args[4] ? -EINVAL : 0;
	return sigsys_call(call, made->caught->nr);
}

/* What a function of libc's execs has its environment from that one's wrapper. */
static bool is_bare_exec(const struct caught *caught)
{
	return (caught->nr == __NR_execve || caught->nr == __NR_execveat) && !thread.within;
}

static void real_caught(struct call *call)
{
	struct made *made = (struct made *)call;
	int64_t args[MAX_ARGS];

	__builtin_memcpy(args, call->args, sizeof(args));
	call->ret = is_bare_exec(made->caught) ? exec_caught(call) : make(made);
	__builtin_memcpy(call->args, args, sizeof(args));
	if (call->ret < 0 && call->ret > -4096) {
		call->err = (int32_t)-call->ret;
		call->ret = -1;
	}
}

/* A function of its own: the host tells what we do for the program by the address. */
__attribute__((noinline)) long call_raw(const struct call *call, int64_t nr)
{
	const int64_t *a = call->args;

	return sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Whether a wrapper is below us on the stack: it may have been left by a jump. */
static bool is_within(const struct caught *caught)
{
	return thread.within && (uint64_t)caught->rsp < thread.frame;
}

/* What a wrapper is just making: once. */
static bool is_own(const struct caught *caught)
{
	uint64_t away = thread.frame - (uint64_t)caught->rsp;
	bool own = thread.own == caught->nr + 1 && (away < DEEP || -away < DEEP);

	if (own)
		thread.own = 0;
	return own;
}

/* What a Python hook does, too. */
static bool is_known(const struct caught *caught)
{
	return is_own(caught) || thread.asking;
}

/* Who made it, and whether that one's path was mapped already. */
static void come_by(struct call *call, const struct caught *caught)
{
	call->flags = CALL_CAUGHT;
	if (!is_within(caught))
		return;
	call->via = thread.within;
	if (parts.rows[thread.within - 1].want & WANT_MAP)
		call->flags |= CALL_WITHIN;
}

/* Of a call that nobody is behind. */
static void announce(struct call *call)
{
	if (!thread_ready())
		return;
	call_decide(call);
	trace_call(call);
}

/* rt_sigreturn(2): the frame is where the program's stack ends. */
static struct way return_from_handler(struct caught *caught)
{
	ucontext_t *frame = (ucontext_t *)caught->rsp;

	/* Only the program can have put it there. */
	if (*(uint64_t *)&frame->uc_sigmask & SIGSYS_BIT)
		sigsys_inherit(true, false);
	*(uint64_t *)&frame->uc_sigmask &= ~SIGSYS_BIT;
	caught->resume = (int64_t)catch_sigreturn;
	return (struct way){ caught, NULL };
}

/* The kernel's answer. A brk(2) that fails returns where the break is: libc would take an
 * errno for a break, far above, and have the program write there. */
static long told(const struct call *call, int64_t nr)
{
	if (!call->err)
		return call->ret;
	return nr == __NR_brk ? sys1(__NR_brk, 0) : -call->err;
}

static struct way run(struct made *made, bool known)
{
	struct caught *caught = made->caught;
	long ret;

	if (known) {
		ret = make(made);
	} else {
		call_run(&made->call, real_caught);
		ret = told(&made->call, caught->nr);
	}
	if (!made->native)
		caught->nr = ret;
	return (struct way){ caught, NULL };
}

struct way catch_made(struct caught *caught)
{
	struct made made = { .caught = caught };
	uint64_t nr = (uint64_t)caught->nr;
	uint16_t id = call_of_number(nr);
	bool known = is_known(caught) || !id || !parts.rows[id - 1].want;

	call_begin(&made.call, id ? (uint16_t)(id - 1) : 0, (void *)caught->rip);
	__builtin_memcpy(made.call.args, caught->args, sizeof(made.call.args));
	come_by(&made.call, caught);
	if (divides(nr))
		return divide(caught, &made.call, known || !thread_ready());
	bool leaves_us = nr == __NR_rt_sigreturn || nr == __NR_exit;

	if (leaves_us && !known)
		announce(&made.call);
	if (nr == __NR_exit)
		python_thread_ends();
	if (nr == __NR_rt_sigreturn)
		return return_from_handler(caught);
	return run(&made, known || leaves_us);
}

/* ---- arming ---- */

/* Those of which more is to be known than whether somebody wants them. */
static bool is_special(uint32_t nr)
{
	switch (nr) {
	case __NR_rt_sigreturn:
	case __NR_exit:
	case __NR_munmap:
	case __NR_prctl:
	case __NR_ptrace:
	case __NR_arch_prctl: return true;
	default: return divides(nr) || sigsys_way(nr);
	}
}

static void find_plain(void)
{
	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		uint16_t id = call_of_number(nr);

		catch_plain[nr] = !is_special(nr) && (!id || !parts.rows[id - 1].want);
	}
}

long catchall_handle(void)
{
	struct action act = {
		.handler = handle,
		.flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | RESTORER,
		.restorer = catch_restorer,
		/* A stack without room for us is the program's to notice. */
		.mask = ~(SIGSYS_BIT | 1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1)),
	};

	return sys4(__NR_rt_sigaction, SIGSYS, &act, 0, 8);
}

long catchall_on(void)
{
	thread.dispatch = DISPATCH_ALL;
	long ret = sys6(__NR_prctl, DISPATCH, 1, (long)image, patch_room + 1 - image,
			(long)&thread.dispatch, 0);

	thread.armed = !ret;
	return ret;
}

void catchall_off(void)
{
	thread.armed = false;
	sys6(__NR_prctl, DISPATCH, 0, 0, 0, 0, 0);
}

bool catchall_arm(void)
{
	uint64_t bit = SIGSYS_BIT, mask = 0;
	struct action before;

	/* A linker that laid the sections out otherwise: our own would be trapped. */
	if (patch_room < (const char *)catch_restorer)
		return false;
	if (sys4(__NR_rt_sigaction, SIGSYS, 0, &before, 8) || catchall_handle())
		return false;
	sys4(__NR_rt_sigprocmask, SIG_BLOCK, 0, &mask, 8);
	sigsys_take(&before, mask);
	find_plain();
	sys4(__NR_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
	if (!catchall_on())
		return true;
	sys4(__NR_rt_sigaction, SIGSYS, &before, 0, 8);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
	return false;
}
