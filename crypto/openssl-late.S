/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In the place of each function of OpenSSL, a jump to where its slot points: to the function, once
 * the library is loaded; until then to openssl_first, which loads it.  The slots are read-only,
 * as those of the dynamic linker are (RELRO).
 *
 * Only for x86-64: where this is empty, the program is linked with libcrypto.
 */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)
#include <cet.h>

#include "crypto/openssl-names.h"

	.section .data.rel.ro.openssl, "aw", @progbits
	.balign	8
	.globl	openssl_slots
	.hidden	openssl_slots
openssl_slots:

	.macro	function name
	.text
	.balign	16
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	.cfi_startproc
	_CET_ENDBR
	jmp	*.Lslot_\name(%rip)
.Lfirst_\name:
	_CET_ENDBR
	leaq	.Lslot_\name(%rip), %r11
	jmp	openssl_first
	.cfi_endproc
	.size	\name, . - \name
	.section .data.rel.ro.openssl
.Lslot_\name:
	.quad	.Lfirst_\name
	.endm

#define X(name) function name;
	OPENSSL_NAMES(X)

/*
 * %r11 points to the slot.  What the call has in registers stays as it is: six arguments and the
 * vectors, and in %al how many of these a call with "..." uses.
 */
	.text
	.balign	16
	.type	openssl_first, @function
openssl_first:
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
	call	openssl_need
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
	.size	openssl_first, . - openssl_first

#endif
	.section .note.GNU-stack, "", @progbits
