/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For assembler files, one a library: in the place of each of its functions, a jump to where its
 * slot points: to the function, once the library is loaded; until then to late_first, which loads
 * it.  The slots are read-only, as those of the dynamic linker are (RELRO).
 *
 *	late_table foo
 *	late_function foo_open foo
 *	late_function foo_close foo
 *
 * makes foo_slots and uses foo_late, both of base/late-library.h.  Only for
 * x86-64: LATE_IS_POSSIBLE.
 */
#ifndef COCO_BASE_LATE_SLOTS_H
#define COCO_BASE_LATE_SLOTS_H

#include <cet.h>

	.macro	late_table library
	.section .data.rel.ro.late.\library, "aw", @progbits
	.balign	8
	.globl	\library\()_slots
	.hidden	\library\()_slots
\library\()_slots:
	.endm

	.macro	late_function name library
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
	leaq	\library\()_late(%rip), %r10
	jmp	late_first
	.cfi_endproc
	.size	\name, . - \name
	.section .data.rel.ro.late.\library
.Lslot_\name:
	.quad	.Lfirst_\name
	.endm

#endif
