/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the slots of base/late-slots.h point first.  %r11 points to the slot, %r10 to the library.
 * What the call has in registers stays as it is: six arguments and the vectors, and in %al how many
 * of these a call with "..." uses.
 */
#include "base/late-possible.h"

#ifdef LATE_IS_POSSIBLE
#include <cet.h>

	.text
	.balign	16
	.globl	late_first
	.hidden	late_first
	.type	late_first, @function
late_first:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%r11
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	subq	$128, %rsp
	movups	%xmm0, (%rsp)
	movups	%xmm1, 16(%rsp)
	movups	%xmm2, 32(%rsp)
	movups	%xmm3, 48(%rsp)
	movups	%xmm4, 64(%rsp)
	movups	%xmm5, 80(%rsp)
	movups	%xmm6, 96(%rsp)
	movups	%xmm7, 112(%rsp)
	movq	%r10, %rdi
	call	late_need
	movups	(%rsp), %xmm0
	movups	16(%rsp), %xmm1
	movups	32(%rsp), %xmm2
	movups	48(%rsp), %xmm3
	movups	64(%rsp), %xmm4
	movups	80(%rsp), %xmm5
	movups	96(%rsp), %xmm6
	movups	112(%rsp), %xmm7
	addq	$128, %rsp
	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rax
	popq	%r11
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	jmp	*(%r11)
	.cfi_endproc
	.size	late_first, . - late_first

#endif
	.section .note.GNU-stack, "", @progbits
