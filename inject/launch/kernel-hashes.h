/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_KERNEL_HASHES_H
#define COCO_INJECT_LAUNCH_KERNEL_HASHES_H

#include "base/macro.h"

/*
 * The table by which the firmware checks a kernel that QEMU hands it (kernel-hashes=on), and
 * which is measured for that.  Source: QEMU, target/i386/sev.c, PaddedSevHashTable.  Lengths
 * count their own header; integers are little-endian:
 *
 *	  0  GUID, u16 168
 *	 18  GUID, u16 50, SHA-256 of the command line with its NUL	68  initrd	118  kernel
 *	168  8 zeros
 */
#define KERNEL_HASHES_LEN 176
#define KERNEL_HASH_LEN 32

struct kernel_hashes {
	uint8_t cmdline[KERNEL_HASH_LEN];	/* without a command line: of one NUL */
	uint8_t initrd[KERNEL_HASH_LEN];	/* without one: of nothing */
	uint8_t kernel[KERNEL_HASH_LEN];	/* of the file as it is shipped */
};

void kernel_hashes_table(const struct kernel_hashes *h, uint8_t ret[static KERNEL_HASHES_LEN]);

#endif
