/* What a `syscall` instruction leaves as it was: argument registers, the others, flags
 * and the red zone below the stack pointer; and what it leaves in rcx and r11. */
#include "inline.h"
#include <stdint.h>

struct state {
	uint64_t rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12, r13, r14, r15;
	uint64_t rcx, r11, flags, rsp, rax, after;
	uint64_t red[16];
};

/* Fills the registers and the red zone, makes getppid and stores what is there then. */
void around(struct state *state, uint64_t flags);
__asm__(".globl around\n"
	".type around, @function\n"
	"around:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"mov %rdi, saved(%rip)\n"
	"push %rsi\n popfq\n"
	"mov %rsp, saved+8(%rip)\n"
	".set i, 1\n"
	".rept 16\n"
	"movq $0x1000 + i, -8 * i(%rsp)\n"
	".set i, i + 1\n"
	".endr\n"
	"mov $0xd1, %edi\n mov $0x51, %esi\n mov $0xd2, %edx\n mov $0x10, %r10d\n"
	"mov $0x8, %r8d\n mov $0x9, %r9d\n mov $0xb, %ebx\n mov $0xbb, %ebp\n"
	"mov $0x12, %r12d\n mov $0x13, %r13d\n mov $0x14, %r14d\n mov $0x15, %r15d\n"
	"mov $110, %eax\n"
	"syscall\n"
	".globl behind\n"
	"behind:\n"
	"mov %rdi, state(%rip)\n"
	"mov saved(%rip), %rdi\n"
	"mov %rsi, 8(%rdi)\n mov %rdx, 16(%rdi)\n mov %r10, 24(%rdi)\n"
	"mov %r8, 32(%rdi)\n mov %r9, 40(%rdi)\n mov %rbx, 48(%rdi)\n"
	"mov %rbp, 56(%rdi)\n mov %r12, 64(%rdi)\n mov %r13, 72(%rdi)\n"
	"mov %r14, 80(%rdi)\n mov %r15, 88(%rdi)\n"
	"mov %rcx, 96(%rdi)\n mov %r11, 104(%rdi)\n"
	".set i, 1\n"
	".rept 16\n"
	"mov -8 * i(%rsp), %rsi\n"
	"mov %rsi, 136 + 8 * i(%rdi)\n"
	".set i, i + 1\n"
	".endr\n"
	"pushfq\n pop %rsi\n mov %rsi, 112(%rdi)\n"
	"mov %rsp, %rsi\n sub saved+8(%rip), %rsi\n mov %rsi, 120(%rdi)\n"
	"mov %rax, 128(%rdi)\n"
	"mov state(%rip), %rsi\n mov %rsi, (%rdi)\n"
	"lea behind(%rip), %rsi\n mov %rsi, 136(%rdi)\n"
	"cld\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"ret\n"
	".size around, . - around\n"
	".local saved\n.comm saved, 16\n"
	".local state\n.comm state, 8\n");

enum {
	CARRY = 1,
	PARITY = 4,
	ZERO = 0x40,
	SIGN = 0x80,
	DIRECTION = 0x400,
	OVERFLOW = 0x800,
	NESTED = 2 | 0x200
};

static void with(const char *name, uint64_t flags)
{
	struct state s;
	int red = 0;

	memset(&s, 0, sizeof(s));
	around(&s, flags | NESTED);
	printf("%s: %lx %lx %lx %lx %lx %lx %lx %lx %lx %lx %lx %lx\n", name, s.rdi,
	       s.rsi, s.rdx, s.r10, s.r8, s.r9, s.rbx, s.rbp, s.r12, s.r13, s.r14,
	       s.r15);
	for (uint64_t i = 0; i < 16; i++)
		red += s.red[i] == 0x1001 + i;
	printf("flags %lx, red zone %d of 16, stack moved %ld\n", s.flags, red,
	       (long)s.rsp);
	printf("rcx is behind: %d, r11 is flags: %d, result right: %d\n",
	       s.rcx == s.after, s.r11 == s.flags, s.rax == (uint64_t)getppid());
}

int main(void)
{
	for (int i = 0; i < 3; i++) {
		with("none", 0);
		with("carry", CARRY);
		with("all", CARRY | PARITY | ZERO | SIGN | OVERFLOW);
		with("direction", DIRECTION);
	}
	return passed();
}
