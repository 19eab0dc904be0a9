/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For C and for the assembler: whether functions of a library can wait for it. */
#ifndef COCO_BASE_LATE_POSSIBLE_H
#define COCO_BASE_LATE_POSSIBLE_H

#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)
#define LATE_IS_POSSIBLE 1
#endif

#endif
