/* What a syscall of libc's leaves as it was: every register but rax, rcx and r11, the
 * vector registers, and 128 bytes below the stack's end. */
#include "target.h"
#include <dlfcn.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { GENERAL = 12, BELOW = 16, VECTORS = 16 };

/* In this order: rbx rbp r12 r13 r14 r15 rdi rsi rdx r10 r8 r9; as call_it has them. */
struct state {
	uint64_t general[GENERAL];
	uint64_t below[BELOW];
	uint64_t vectors[VECTORS][2];
};

struct state before, after;
long (*syscall_itself)(long, ...);

/* libc's own code by its address: it moves its arguments, each one place down, and makes
 * the syscall right where rsp is now, less the return address. */
void call_it(void);
__asm__(".text\n.type call_it, @function\n"
	"call_it: .cfi_startproc\n"
	".irp each, rbx, rbp, r12, r13, r14, r15\n"
	"push %\\each\n.cfi_adjust_cfa_offset 8\n"
	".endr\n"
	"lea before(%rip), %rax\n"
	".set offset, 0\n"
	".irp each, rbx, rbp, r12, r13, r14, r15\n"
	"mov offset(%rax), %\\each\n.set offset, offset + 8\n"
	".endr\n"
	".irp each, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"movups 96+128+16*\\each(%rax), %xmm\\each\n"
	"mov 96+8*\\each(%rax), %rcx\n"
	"mov %rcx, -136+8*\\each(%rsp)\n"
	".endr\n"
	"mov $110, %edi\n"            /* getppid */
	"mov 48(%rax), %rsi\nmov 56(%rax), %rdx\nmov 64(%rax), %rcx\n"
	"mov 72(%rax), %r8\nmov 80(%rax), %r9\n"
	"call *syscall_itself(%rip)\n"
	"lea after(%rip), %rax\n"
	".set offset, 0\n"
	".irp each, rbx, rbp, r12, r13, r14, r15, rdi, rsi, rdx, r10, r8\n"
	"mov %\\each, offset(%rax)\n.set offset, offset + 8\n"
	".endr\n"
	".irp each, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"movups %xmm\\each, 96+128+16*\\each(%rax)\n"
	"mov -136+8*\\each(%rsp), %rcx\n"
	"mov %rcx, 96+8*\\each(%rax)\n"
	".endr\n"
	".irp each, r15, r14, r13, r12, rbp, rbx\n"
	"pop %\\each\n.cfi_adjust_cfa_offset -8\n"
	".endr\n"
	"ret\n.cfi_endproc\n");

int main(void)
{
	uint64_t *at = (uint64_t *)&before;

	*(void **)&syscall_itself = dlsym(dlopen("libc.so.6", RTLD_NOW), "syscall");
	CHECK(syscall_itself);
	for (size_t i = 0; i < sizeof(before) / sizeof(*at); i++)
		at[i] = 0x0123456789abcdef * (i + 1);
	for (int round = 0; round < 100; round++) {
		memset(&after, 0, sizeof(after));
		call_it();
		/* r9 is not given: libc takes a sixth argument from the stack. */
		CHECK(!memcmp(before.general, after.general, (GENERAL - 1) * 8));
		CHECK(!memcmp(before.below, after.below, sizeof(before.below)));
		CHECK(!memcmp(before.vectors, after.vectors, sizeof(before.vectors)));
	}
	return passed();
}
