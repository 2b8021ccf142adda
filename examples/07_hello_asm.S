/* Hello without any libc: nothing can be preloaded into this program, so whatever it
 * does goes past pyshim. `pyshim check` must say so. x86-64 Linux. */
#include <asm/unistd.h>

	.globl _start
	.section .rodata
hello:	.ascii "hello\n"
	.set length, . - hello

	.text
_start:
	mov	$__NR_write, %eax
	mov	$1, %edi
	lea	hello(%rip), %rsi
	mov	$length, %edx
	syscall
	mov	$__NR_exit, %eax
	xor	%edi, %edi
	syscall

	.section .note.GNU-stack, "", @progbits
