/* Processes and threads made by the target's own `syscall` instruction. */
#include "inline.h"
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

enum { RAW_STACK = 64 * 1024 };

/* Of a thread: with these, libc knows nothing of it, and `tid` is 0 when it is gone. */
enum {
	RAW_THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
	CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID
};

static inline char *raw_stack(void)
{
	char *at = mmap(NULL, RAW_STACK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

/* The child calls `enter`, which must not return; it may be on another stack. */
static __attribute__((noinline, unused)) long raw_child(long nr, long a, long b, long c,
							long d, void (*enter)(void))
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	long ret;

	__asm__ volatile("syscall\n"
			 "test %%rax, %%rax\n"
			 "jnz 1f\n"
			 "xor %%ebp, %%ebp\n"
			 "and $-16, %%rsp\n"
			 "call *%[enter]\n"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), [enter] "r"(enter)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline long raw_thread(char *stack, int *tid, void (*enter)(void))
{
	return raw_child(SYS_clone, RAW_THREAD, (long)stack + RAW_STACK, (long)tid,
			 (long)tid, enter);
}

static inline void raw_join(int *tid)
{
	int now;

	while ((now = __atomic_load_n(tid, __ATOMIC_ACQUIRE)))
		inline4(SYS_futex, tid, FUTEX_WAIT, now, 0);
}
