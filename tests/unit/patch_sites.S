/*
 * Functions with a `syscall` instruction that can become a jump, or can't. Never run:
 * test_patches.py says of each by its name what has to come out.
 */

.macro begin name
	.text
	.globl	\name
	.type	\name, @function
\name:
	.cfi_startproc
.endm

.macro end name
	.cfi_endproc
	.size	\name, . - \name
.endm

/* -- windows before the syscall -- */

begin constant
	mov	$39, %eax
	syscall
	ret
end constant

begin no_number
	mov	%rcx, %r10
	syscall
	ret
end no_number

begin two_before
	mov	%rsi, %rdi
	xor	%eax, %eax
	syscall
	ret
end two_before

begin arrives_at_its_first_byte
	test	%edi, %edi
	je	1f
	mov	$1, %eax
1:	mov	$2, %eax
	syscall
	ret
end arrives_at_its_first_byte

begin two_numbers
	mov	$1, %eax
	test	%edi, %edi
	je	1f
	mov	$2, %eax
1:	mov	%rcx, %r10
	syscall
	ret
end two_numbers

begin copied_number
	mov	$5, %r8d
	mov	%r8d, %eax
	mov	%rcx, %r10
	syscall
	ret
end copied_number

begin overwritten_number
	mov	$5, %eax
	cpuid
	mov	%rcx, %r10
	syscall
	ret
end overwritten_number

begin number_from_a_call
	mov	$5, %eax
	call	constant
	mov	%rcx, %r10
	syscall
	ret
end number_from_a_call

begin number_kept_over_a_call
	mov	$5, %ebx
	call	constant
	mov	%ebx, %eax
	mov	%rcx, %r10
	syscall
	ret
end number_kept_over_a_call

begin relative_address
	lea	message(%rip), %rsi
	syscall
	ret
end relative_address

begin relative_address_and_immediate
	movl	$7, counter(%rip)
	syscall
	ret
end relative_address_and_immediate

begin skips_the_lock_prefix
	je	1f
	lock
1:	incl	(%rdi)
	mov	$3, %eax
	syscall
	ret
end skips_the_lock_prefix

begin two_near_each_other
	mov	$1, %eax
	syscall
	mov	$2, %eax
	syscall
	ret
end two_near_each_other

begin at_the_end
	mov	$231, %eax
	syscall
end at_the_end

/* -- what is behind it -- */

begin flags_from_before
	test	%edi, %edi
	mov	$39, %eax
	syscall
	je	1f
	xor	%eax, %eax
1:	ret
end flags_from_before

begin flags_in_part
	test	%edi, %edi
	mov	$39, %eax
	syscall
	inc	%edi
	jc	1f
	xor	%eax, %eax
1:	ret
end flags_in_part

begin flags_where_it_jumps
	test	%edi, %edi
	mov	$39, %eax
	syscall
	jmp	1f
	xor	%edi, %edi
1:	sete	%al
	ret
end flags_where_it_jumps

begin flags_of_its_own
	test	%edi, %edi
	mov	$39, %eax
	syscall
	mov	%rax, %rdi
	cmp	$-4095, %rdi
	jae	1f
	xor	%eax, %eax
1:	ret
end flags_of_its_own

/* -- with what is behind it -- */

begin loops_to_itself
	mov	$24, %eax
1:	syscall
	test	%rax, %rax
	js	1b
	ret
end loops_to_itself

begin relative_address_behind
	mov	$24, %eax
1:	syscall
	mov	%rax, counter(%rip)
	jmp	1b
end relative_address_behind

begin moves_the_stack
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	syscall
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
end moves_the_stack

/* -- refused -- */

begin alone
	syscall
end alone

begin jumped_into
	mov	$24, %eax
1:	syscall
2:	test	%rax, %rax
	js	1b
	jne	2b
	ret
end jumped_into

begin jumped_into_from_elsewhere
	jmp	.Lelsewhere
end jumped_into_from_elsewhere

begin jumped_into_by_another
	mov	$24, %eax
.Lelsewhere:
	syscall
	ret
end jumped_into_by_another

begin jumped_into_by_table
	lea	table(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	add	%rdx, %rax
	jmp	*%rax
.Lfirst:
	ret
.Lsecond:
	mov	$24, %eax
.Lthird:
	syscall
	ret
end jumped_into_by_table

begin jumped_into_by_pointer
	mov	pointer(%rip), %rax
	jmp	*%rax
	mov	$24, %eax
.Lpointed:
	syscall
	ret
end jumped_into_by_pointer

begin jumped_into_by_address
	lea	1f(%rip), %rax
	jmp	*%rax
	mov	$24, %eax
1:	syscall
	ret
end jumped_into_by_address

begin jumped_into_by_name
	mov	$24, %eax
	.globl	in_between
in_between:
	syscall
	ret
end jumped_into_by_name

begin jumped_into_by_the_unwinder
	.cfi_personality 0x1b, constant
	.cfi_lsda 0x1b, .Lsites
	call	constant
.Lcalled:
	mov	$24, %eax
.Lpad:
	syscall
	ret
end jumped_into_by_the_unwinder

begin jumped_into_the_middle
	jmp	1f + 1
1:	mov	$0x90909090, %ecx
	mov	$24, %eax
	syscall
	ret
end jumped_into_the_middle

begin jumps_by_arithmetic
	lea	1f(%rip), %rax
	add	%rdi, %rax
	jmp	*%rax
1:	mov	$24, %eax
	syscall
	ret
end jumps_by_arithmetic

begin jumps_by_arithmetic_out_of_it
	cmp	$9, %edi
	ja	jumps_by_arithmetic_into_it
	lea	1f(%rip), %rax
	lea	(%rax,%rdi,8), %rax
	jmp	*%rax
1:	ret
end jumps_by_arithmetic_out_of_it

begin jumps_by_arithmetic_into_it
	mov	$24, %eax
	syscall
	ret
end jumps_by_arithmetic_into_it

begin overlapping
1:	syscall
	mov	%rax, %rdi
	syscall
	jmp	1b
end overlapping

begin call_before
	call	constant
	syscall
	ret
end call_before

begin branch_before
	je	constant
	syscall
	ret
end branch_before

begin stack_in_two_ways
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	syscall
	jmp	constant
end stack_in_two_ways

begin too_long
	movq	$0x11223344, %fs:0x12345678(%r12)
	xor	%eax, %eax
	syscall
	ret
end too_long

begin prefixed
	mov	$24, %eax
	rex.W
	syscall
	ret
end prefixed

begin end_is_compared
	lea	1f(%rip), %rcx
	cmp	%rcx, %rdi
	je	constant
	mov	$24, %eax
	syscall
1:	ret
end end_is_compared

begin end_is_in_the_data
	mov	$24, %eax
	syscall
.Lbehind:
	ret
end end_is_in_the_data

begin not_all_code
	mov	$24, %eax
	syscall
	ret
	.byte	0x06
end not_all_code

/* As libc's own: it is described from one byte early on, the last one of a nop. */
	.text
	.byte	0x0f, 0x1f, 0x40
	.cfi_startproc
	.cfi_signal_frame
	.byte	0
	.globl	returns_from_handlers
	.type	returns_from_handlers, @function
returns_from_handlers:
	mov	$15, %rax
	syscall
end returns_from_handlers

	.section .rodata
	.globl	message
message:
	.string	"message"
	.p2align 2
table:
	.long	.Lfirst - table
	.long	.Lsecond - table
	.long	.Lthird - table

	.section .gcc_except_table, "a"
.Lsites:
	.byte	0xff, 0xff, 1
	.uleb128 .Lsites_end - .Lsites_first
.Lsites_first:
	.uleb128 0
	.uleb128 .Lcalled - jumped_into_by_the_unwinder
	.uleb128 .Lpad - jumped_into_by_the_unwinder
	.uleb128 0
.Lsites_end:

	.data
	.globl	counter
counter:
	.quad	0
pointer:
	.quad	.Lpointed
	.quad	.Lbehind

	.section .note.GNU-stack, "", @progbits
