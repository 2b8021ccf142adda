/* Says hello without libc: two syscalls of its own. */
	.section .rodata
text:	.ascii "hello\n"
	.set length, . - text

	.text
	.globl _start
_start:
	movl $1, %eax			/* write */
	movl $1, %edi
	leaq text(%rip), %rsi
	movl $length, %edx
	syscall
	movl $60, %eax			/* exit */
	xorl %edi, %edi
	syscall

	.section .note.GNU-stack, "", @progbits
