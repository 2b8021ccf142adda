/*
 * Ways through us that leave no frame of ours behind. Every register that may carry an
 * argument is kept, so it does not matter what the function is: variadic, setjmp, vfork
 * (which must return through no frame but its caller's).
 */
	.text

	.macro keep register
	push \register
	.cfi_adjust_cfa_offset 8
	.endm

	.macro give_back register
	pop \register
	.cfi_adjust_cfa_offset -8
	.endm

	/* The index of the export lies on top of the return address. A handler that
	 * interrupts us may unwind, so the stack is described at each instruction. */
	.macro save_arguments
	.cfi_def_cfa_offset 16
	.irp each, %rax, %rdi, %rsi, %rdx, %rcx, %r8, %r9, %r10
	keep \each
	.endr
	sub $128, %rsp
	.cfi_adjust_cfa_offset 128
	movups %xmm0, (%rsp)
	movups %xmm1, 16(%rsp)
	movups %xmm2, 32(%rsp)
	movups %xmm3, 48(%rsp)
	movups %xmm4, 64(%rsp)
	movups %xmm5, 80(%rsp)
	movups %xmm6, 96(%rsp)
	movups %xmm7, 112(%rsp)
	.endm

	.macro restore_arguments
	movups (%rsp), %xmm0
	movups 16(%rsp), %xmm1
	movups 32(%rsp), %xmm2
	movups 48(%rsp), %xmm3
	movups 64(%rsp), %xmm4
	movups 80(%rsp), %xmm5
	movups 96(%rsp), %xmm6
	movups 112(%rsp), %xmm7
	add $128, %rsp
	.cfi_adjust_cfa_offset -128
	.irp each, %r10, %r9, %r8, %rcx, %rdx, %rsi, %rdi, %rax
	give_back \each
	.endr
	add $8, %rsp
	.cfi_adjust_cfa_offset -8
	.endm

/* The first call through a slot or a real: look the definition up, go on to it. */
	.globl lazy_real
	.hidden lazy_real
	.type lazy_real, @function
	.balign 16
lazy_real:
	.cfi_startproc
	save_arguments
	mov 192(%rsp), %edi
	call real_find
	mov %rax, %r11
	restore_arguments
	jmp *%r11
	.cfi_endproc
	.size lazy_real, . - lazy_real

/* A call that is left by a jump: jump.c looks at it, and says where to go on. */
	.globl jump_real
	.hidden jump_real
	.type jump_real, @function
	.balign 16
jump_real:
	.cfi_startproc
	save_arguments
	lea 128(%rsp), %rdi
	call jump_enter
	mov %rax, %r11
	restore_arguments
	test %r11, %r11
	jz 1f
	jmp *%r11
1:	ret
	.cfi_endproc
	.size jump_real, . - jump_real

/*
 * stack_call(function, argument, top): run function(argument) on another stack. Its first
 * word says where the one before ends (hook_stack.h), the second whether the vector
 * registers are kept below. What runs there may be left at any moment: stack_leave().
 */
	.macro save_stack
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	sub $8, %rsp
	mov %rsp, -8(%rdx)
	.endm

	.macro restore_stack
	lea -40(%rbp), %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	.cfi_def_cfa %rsp, 8
	ret
	.endm

	.globl stack_call
	.hidden stack_call
	.type stack_call, @function
	.balign 16
stack_call:
	.cfi_startproc
	save_stack
	movq $0, -16(%rdx)
	mov %rdi, %rax
	mov %rsi, %rdi
	lea -16(%rdx), %rsp
	call *%rax
	restore_stack
	.cfi_endproc
	.size stack_call, . - stack_call

/*
 * The same, for a call that the catch-all makes: the program expects every vector register
 * of a syscall as it was, and Python is compiled to use them. x87, SSE, AVX and AVX-512.
 */
	.globl stack_call_keeping
	.hidden stack_call_keeping
	.type stack_call_keeping, @function
	.balign 16
stack_call_keeping:
	.cfi_startproc
	save_stack
	mov %rdi, %r11
	lea -4096(%rdx), %rsp
	and $-64, %rsp
	mov %rsp, -16(%rdx)
	lea 512(%rsp), %rdi
	mov $8, %ecx
	xor %eax, %eax
	rep stosq
	mov $0xe7, %eax
	xor %edx, %edx
	xsave64 (%rsp)
	mov %rsi, %rdi
	call *%r11
	mov $0xe7, %eax
	xor %edx, %edx
	xrstor64 (%rsp)
	restore_stack
	.cfi_endproc
	.size stack_call_keeping, . - stack_call_keeping

/* stack_leave(top): return from the stack_call() that went to `top`, wherever we are. */
	.globl stack_leave
	.hidden stack_leave
	.type stack_leave, @function
	.balign 16
stack_leave:
	.cfi_startproc
	.cfi_undefined %rip
	emms            /* whatever was at work with x87 registers is so no more */
	mov -16(%rdi), %rcx
	test %rcx, %rcx
	jz 1f
	mov $0xe7, %eax
	xor %edx, %edx
	xrstor64 (%rcx)
1:	mov -8(%rdi), %rbp
	add $48, %rbp
	restore_stack
	.cfi_endproc
	.size stack_leave, . - stack_leave
	.section .note.GNU-stack,"",@progbits
