/* What drift.py has to see through, in the forms that compilers and glibc give it. */
	.macro	function name
	.globl	\name
	.type	\name, @function
\name:	.cfi_startproc
	.endm
	.macro	end
	.cfi_endproc
	.balign	16
	.endm

	.section .rodata
text:	.string	"Fatal error: detected an invalid stdio handle\n"
	.text

	function constant
	movl	$39, %eax
	syscall
	ret
	end

	function zero
	xorl	%eax, %eax
	syscall
	ret
	end

	function copied
	movl	$39, %r8d
	cmpl	$1, %eax
	movl	%r8d, %eax
	syscall
	ret
	end

	function computed
	movl	%edi, %eax
	syscall
	ret
	end

	function waits_for_a_lock
	movl	$202, %eax
	syscall
	ret
	end

	function issues_none
	xorl	%eax, %eax
	ret
	end

	function calls
	call	constant
	ret
	end

	function jumps
	jmp	constant
	end

	function gives_its_address
	leaq	constant(%rip), %rdi
	jmp	*%rsi
	end

	function never_returns
	movl	$231, %eax
	syscall
	hlt
	end

	function ends_in_it
	jmp	never_returns
	end

	function may_end_in_it
	testl	%edi, %edi
	jne	1f
	ret
1:	call	never_returns
	end

	function returns_from_a_cold_part
	testl	%edi, %edi
	jne	cold
back:	ret
	end
	.hidden	cold
	function cold
	movl	$1, %eax
	syscall
	jmp	back
	end

	function can_not_be_unwound
	testl	%edi, %edi
	.cfi_endproc
	movl	$56, %eax
	syscall
	ret

	.hidden	helper
	function helper
	movq	8(%rsp), %rax
	syscall
	ret
	end
	.hidden	outer_helper
	function outer_helper
	pushq	8(%rsp)
	call	helper
	popq	%rcx
	ret
	end

	function orders
	pushq	$437
	xorl	%r9d, %r9d
	call	helper
	popq	%rcx
	ret
	end

	function orders_from_the_outer
	pushq	$257
	call	outer_helper
	popq	%rcx
	ret
	end

	.hidden	vtable_check
	function vtable_check
	leaq	text(%rip), %rdi
	ret
	end
	function _IO_file_write
	movl	$1, %eax
	syscall
	ret
	end
	function writes_to_a_stream
	testl	%edi, %edi
	jne	1f
	jmp	*%rsi
1:	call	vtable_check
	ret
	end
	function knows_an_old_program
	leaq	vtable_check(%rip), %rax
	ret
	end

	function pthread_mutex_lock
	movl	$143, %eax
	syscall
	ret
	end
	function locks
	call	pthread_mutex_lock
	ret
	end

	.section .note.GNU-stack, "", @progbits
