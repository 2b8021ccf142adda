/* A thread gives its own stack away and goes on without one: its last calls are inline.
 */
#include "raw.h"
#include <pthread.h>
#include <sys/rseq.h>

enum { TIMES = 20 };

static int tid;
static char *stack;

/* No memory is used behind munmap: there is none. */
static void leave(void)
{
	__asm__ volatile("mov $11, %%eax\n" /* munmap */
			 "syscall\n"
			 "mov %%rax, %%rdi\n" /* 0, if it could */
			 "mov $60, %%eax\n" /* exit */
			 "syscall\n"
			 :
			 : "D"(stack), "S"(RAW_STACK)
			 : "rax", "rcx", "r11", "memory");
}

/* A thread of libc's, on a stack of ours. */
static void *detached(void *unused)
{
	(void)unused;
	CHECK(getppid() > 0 && inline0(SYS_getppid) > 0);
	tid = (int)inline0(SYS_gettid);
	CHECK(inline1(SYS_set_tid_address, &tid) == tid);
	/* It lies on that stack: the kernel would write there when it takes the processor
	 * away, and the thread die of SIGSEGV, rseq(2). */
	CHECK(!__rseq_size ||
	      inline4(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32,
		      RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0);
	leave();
	return NULL;
}

int main(void)
{
	unsigned char there;
	pthread_attr_t attr;
	pthread_t thread;

	for (int i = 0; i < TIMES; i++) {
		stack = raw_stack();
		CHECK(raw_thread(stack, &tid, leave) > 0);
		raw_join(&tid);
		CHECK(mincore(stack, 4096, &there) == -1 && errno == ENOMEM);
	}
	puts("raw threads");
	stack = raw_stack();
	tid = 1;
	CHECK(pthread_attr_init(&attr) == 0 &&
	      pthread_attr_setstack(&attr, stack, RAW_STACK) == 0);
	CHECK(pthread_create(&thread, &attr, detached, NULL) == 0);
	raw_join(&tid);
	CHECK(mincore(stack, 4096, &there) == -1 && errno == ENOMEM);
	puts("a thread of libc's");
	return passed();
}
