/* The ways back from the SIGSYS handler (catchall.c). Entered by its sigreturn, with every
 * register as at the trapped `syscall`, but for rip and, in catch_call, rsp. */
	.hidden __ehdr_start
	.hidden catch_way_back
	.text

/*
 * catch_call: rsp points to a struct caught below the program's red zone. Go on behind the
 * trapped instruction with what catch_made() returns; rcx and r11 are the kernel's to
 * change. For unwinders this is a signal frame: its caller is the trapped instruction.
 */
	.globl catch_call
	.hidden catch_call
	.type catch_call, @function
	.balign 16
catch_call:
	.cfi_startproc
	.cfi_signal_frame
	/* CFA: *(rsp + 80), rip: *(rsp + 72), rbp: *(rsp + 64) */
	.cfi_escape 0x0f, 0x05, 0x77, 0xd0, 0x00, 0x06, 0x96
	.cfi_escape 0x10, 0x10, 0x03, 0x77, 0xc8, 0x00
	.cfi_escape 0x10, 0x06, 0x03, 0x77, 0xc0, 0x00
	mov %rsp, %rbp
	/* The same by rbp. */
	.cfi_escape 0x0f, 0x04, 0x76, 0xd0, 0x00, 0x06
	.cfi_escape 0x10, 0x10, 0x03, 0x76, 0xc8, 0x00
	.cfi_escape 0x10, 0x06, 0x03, 0x76, 0xc0, 0x00
	and $-16, %rsp
	mov %rbp, %rdi
	call catch_made
	mov 8(%rbp), %rdi
	mov 16(%rbp), %rsi
	mov 24(%rbp), %rdx
	mov 32(%rbp), %r10
	mov 40(%rbp), %r8
	mov 48(%rbp), %r9
	mov %rbp, %rsp
	push 56(%rbp)
	popfq
	mov 88(%rbp), %rcx
	mov 80(%rbp), %rsp
	mov 64(%rbp), %rbp
	jmp *%rcx
	.cfi_endproc
	.size catch_call, . - catch_call

/*
 * catch_clone: clone, clone3, fork. Every signal is blocked (the handler saw to it), so
 * what lies below the red zone stays: at rsp - 256 a struct forked (catchall.c), on the
 * child's stack, too, where that is another. The child is armed, then both get their mask
 * back. No flag is changed, nor any register but rax, rcx and r11.
 */
	.globl catch_clone
	.hidden catch_clone
	.type catch_clone, @function
	.balign 16
catch_clone:
	syscall
	mov %rax, %rcx
	lea -256(%rsp), %rsp
	call 3f
	jrcxz 1f
	jmp 2f
1:	mov $157, %eax                  /* prctl */
	mov $59, %edi                   /* PR_SET_SYSCALL_USER_DISPATCH */
	mov $1, %esi                    /* PR_SYS_DISPATCH_ON */
	lea __ehdr_start(%rip), %rdx
	mov catch_length(%rip), %r10
	mov $0, %r8d
	syscall
2:	mov $14, %eax                   /* rt_sigprocmask */
	mov $2, %edi                    /* SIG_SETMASK */
	lea 8(%rsp), %rsi
	mov $0, %edx
	mov $8, %r10d
	syscall
	mov 16(%rsp), %rdi
	mov 24(%rsp), %rsi
	mov 32(%rsp), %rdx
	mov 40(%rsp), %r10
	mov 48(%rsp), %r8
	mov 56(%rsp), %rax
	mov (%rsp), %rcx
	lea 256(%rsp), %rsp
	jmp *%rcx
3:	mov %rdi, 24(%rsp)              /* one word is the return address */
	mov %rsi, 32(%rsp)
	mov %rdx, 40(%rsp)
	mov %r10, 48(%rsp)
	mov %r8, 56(%rsp)
	mov %rax, 64(%rsp)
	ret
	.size catch_clone, . - catch_clone

/* catch_vfork: the child runs on this stack and overwrites what is below: the parent's way
 * back lies in its thread. */
	.globl catch_vfork
	.hidden catch_vfork
	.type catch_vfork, @function
	.balign 16
catch_vfork:
	syscall
	mov %rax, %rcx
	lea -256(%rsp), %rsp
	call 3b
	jrcxz 4f
	mov catch_way_back@gottpoff(%rip), %rcx
	mov %fs:(%rcx), %rdx
	mov %rdx, (%rsp)
	mov %fs:8(%rcx), %rdx
	mov %rdx, 8(%rsp)
	jmp 2b
4:	jmp 1b
	.size catch_vfork, . - catch_vfork

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
