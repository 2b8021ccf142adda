/* A signal may come between any two instructions of a call, and whoever unwinds from its
 * handler must get through: single-step a call, look up the stack at each step; then end
 * the thread at each step in turn, where its cleanup must run. */
#include "target.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unwind.h>

static int steps, blind, done;
static __thread int steps_left;
static int cleaned;

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *found)
{
	uintptr_t function = _Unwind_GetRegionStart(context);

	if (function == *(uintptr_t *)found)
		*(uintptr_t *)found = 0;
	return _URC_NO_REASON;
}

static void stepped(void);

static void on_trap(int sig)
{
	uintptr_t wanted = (uintptr_t)stepped;

	(void)sig;
	steps++;
	if (steps_left > 0 && --steps_left == 0)
		pthread_exit(NULL);
	if (steps_left)
		return;
	_Unwind_Backtrace(look, &wanted);
	blind += wanted != 0;
}

/* The trap flag; in assembly, so that the stack is described at each instruction. */
void trap_on(void), trap_off(void);
__asm__(".macro change_flags name:req, change:req\n"
	".type \\name, @function\n"
	"\\name: .cfi_startproc\n"
	"pushfq\n.cfi_adjust_cfa_offset 8\n"
	"\\change, (%rsp)\n"
	"popfq\n.cfi_adjust_cfa_offset -8\n"
	"ret\n.cfi_endproc\n"
	".endm\n"
	"change_flags trap_on, \"orl $0x100\"\n"
	"change_flags trap_off, \"andl $~0x100\"\n");

/* Through libc's site, and the first time through all that looks a function up. */
__attribute__((noinline)) static void stepped(void)
{
	trap_on();
	syscall(SYS_getppid);
	getppid();
	trap_off();
}

static void count(int *held)
{
	cleaned += *held;
}

static void *ended(void *arg)
{
	__attribute__((cleanup(count))) int held = 1;

	steps_left = *(int *)arg;
	stepped();
	done = 1;
	return NULL;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_trap, .sa_flags = SA_NODEFER };
	int n;

	CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
	stepped();
	CHECK(steps > 10);
	CHECK(blind == 0);
	for (n = 1; !done; n++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, NULL, ended, &n) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
		CHECK(cleaned == n);
	}
	CHECK(n > 10);
	return passed();
}
