/* The way of a caught syscall (catchall.c) and of one that comes back twice (divide.c). */
	.hidden catch_made
	.hidden catch_parent
	.hidden catch_child
	.hidden catch_plain
	.text

/* Offsets in struct caught, catchall.h. Its tail is divide.c's. */
	.set NR, 0
	.set FLAGS, 56
	.set RBP, 64
	.set RIP, 72
	.set RSP, 80
	.set RESUME, 88
	.set PARENTS, 96
	.set TAIL, 64
	.set RED_ZONE, 128
	.set ROOM, 256
	.set NUMBERS, 512       /* call.h */

	.macro arguments
	mov 8(%rbp), %rdi
	mov 16(%rbp), %rsi
	mov 24(%rbp), %rdx
	mov 32(%rbp), %r10
	mov 40(%rbp), %r8
	mov 48(%rbp), %r9
	.endm

/*
 * patched_call: from a slot of patch.c, with rcx the address to go on at, in the slot; at its
 * end there is the site's. What nobody wants (catch_plain) is made here: every return from a
 * function that was called before a syscall is mispredicted behind it. libc's code has nothing
 * in the flags at a `syscall`, for it was compiled or sets them at once.
 */
	.globl patched_call
	.hidden patched_call
	.type patched_call, @function
	.balign 16
patched_call:
	.cfi_startproc
	.cfi_signal_frame
	/* CFA: rsp, rip: *((rcx & -64) + 56) */
	.cfi_def_cfa %rsp, 0
	.cfi_escape 0x16, 0x10, 0x08, 0x72, 0x00, 0x09, 0xc0, 0x1a, 0x23, 0x38, 0x06
	cmp $NUMBERS, %rax
	jae 1f
	lea catch_plain(%rip), %r11
	cmpb $0, (%r11,%rax)
	je 1f
	lea -RED_ZONE-8(%rsp), %rsp
	.cfi_def_cfa_offset RED_ZONE+8
	mov %rcx, (%rsp)
	/* rip: *((*rsp & -64) + 56) */
	.cfi_escape 0x16, 0x10, 0x09, 0x77, 0x00, 0x06, 0x09, 0xc0, 0x1a, 0x23, 0x38, 0x06
	syscall
	mov (%rsp), %rcx
	.cfi_escape 0x16, 0x10, 0x08, 0x72, 0x00, 0x09, 0xc0, 0x1a, 0x23, 0x38, 0x06
	lea RED_ZONE+8(%rsp), %rsp
	.cfi_def_cfa_offset 0
	jmp *%rcx
1:	mov %rcx, %r11
	and $-64, %r11
	mov 56(%r11), %r11
	jmp catch_call
	.cfi_endproc
	.size patched_call, . - patched_call

/*
 * catch_call: every register is as at the `syscall`, but for the two that it changes anyway:
 * rcx, where to go on, and r11, the address behind the `syscall`, which unwinders take for
 * the place of this frame's caller: it is a signal frame to them. Entered by the return from
 * our handler, or by a jump from a patched site. The program's stack is touched below its
 * red zone only, and not before the handler has returned: the registers that it gives back
 * lie just there.
 */
	.globl catch_call
	.hidden catch_call
	.type catch_call, @function
	.balign 16
catch_call:
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %r11
	lea -RED_ZONE-TAIL(%rsp), %rsp
	.cfi_def_cfa_offset RED_ZONE+TAIL
	push %rcx
	.cfi_adjust_cfa_offset 8
	push %rsp
	.cfi_adjust_cfa_offset 8
	push %r11
	.cfi_adjust_cfa_offset 8
	push %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushfq
	.cfi_adjust_cfa_offset 8
	push %r9
	.cfi_adjust_cfa_offset 8
	push %r8
	.cfi_adjust_cfa_offset 8
	push %r10
	.cfi_adjust_cfa_offset 8
	push %rdx
	.cfi_adjust_cfa_offset 8
	push %rsi
	.cfi_adjust_cfa_offset 8
	push %rdi
	.cfi_adjust_cfa_offset 8
	push %rax
	.cfi_adjust_cfa_offset 8
	mov %rsp, %rbp
	addq $RED_ZONE+TAIL+8, RSP(%rbp)
	/* CFA: *(rbp + RSP), rip: *(rbp + RIP), rbp: *(rbp + RBP) */
	.cfi_escape 0x0f, 0x04, 0x76, 0xd0, 0x00, 0x06
	.cfi_escape 0x10, 0x10, 0x03, 0x76, 0xc8, 0x00
	.cfi_escape 0x10, 0x06, 0x03, 0x76, 0xc0, 0x00
	and $-16, %rsp
	cld
	mov %rbp, %rdi
	call catch_made
	mov %rax, %rbp
	test %rdx, %rdx
	jnz 2f
1:	arguments
	mov NR(%rbp), %rax
	mov %rbp, %rsp
	push FLAGS(%rbp)
	popfq
	/* The same by rsp: it goes last, for below it is a signal's to overwrite. */
	.cfi_escape 0x0f, 0x04, 0x77, 0xd0, 0x00, 0x06
	.cfi_escape 0x10, 0x10, 0x03, 0x77, 0xc8, 0x00
	.cfi_escape 0x10, 0x06, 0x03, 0x77, 0xc0, 0x00
	mov RESUME(%rsp), %rcx
	mov FLAGS(%rsp), %r11
	mov RBP(%rsp), %rbp
	.cfi_restore %rbp
	mov RSP(%rsp), %rsp
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %rcx
	jmp *%rcx

2:	.cfi_escape 0x0f, 0x04, 0x76, 0xd0, 0x00, 0x06
	.cfi_escape 0x10, 0x10, 0x03, 0x76, 0xc8, 0x00
	.cfi_escape 0x10, 0x06, 0x03, 0x76, 0xc0, 0x00
	jmp *%rdx

/* catch_same: the child goes on where we are, on a copy of our stack or on the stack itself.
 * The kernel keeps rbp, so that the parent finds what its child can't have touched. */
	.globl catch_same
	.hidden catch_same
catch_same:
	mov %rbp, %rsp
	arguments
	mov NR(%rbp), %rax
	mov PARENTS(%rbp), %rbp
	syscall
	test %rax, %rax
	jnz 3f
	mov %rsp, %rdi
4:	and $-16, %rsp
	call catch_child
	mov %rax, %rbp
	jmp 1b
3:	mov %rbp, %rdi
	mov %rax, %rsi
	and $-16, %rsp
	call catch_parent
	mov %rax, %rbp
	jmp 1b

/* catch_other: the child's copy of struct caught is ROOM bytes below the top of its stack. */
	.globl catch_other
	.hidden catch_other
catch_other:
	mov %rbp, %rsp
	arguments
	mov NR(%rbp), %rax
	syscall
	test %rax, %rax
	jnz 3b
	lea -ROOM(%rsp), %rdi
	mov %rdi, %rsp
	jmp 4b
	.cfi_endproc
	.size catch_call, . - catch_call

/* rt_sigreturn(2) of the program's handlers: its frame is where rsp points. */
	.globl catch_sigreturn
	.hidden catch_sigreturn
	.type catch_sigreturn, @function
	.balign 16
catch_sigreturn:
	mov $15, %eax
	syscall
	ud2
	.size catch_sigreturn, . - catch_sigreturn

/* Of our own handler. Unwinders and gdb know these bytes. */
	.globl catch_restorer
	.hidden catch_restorer
	.type catch_restorer, @function
	.balign 16
	nop
catch_restorer:
	mov $15, %rax
	syscall
	.size catch_restorer, . - catch_restorer
	.section .note.GNU-stack,"",@progbits
