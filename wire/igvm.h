/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_IGVM_H
#define COCO_WIRE_IGVM_H

#include "base/macro.h"

/*
 * A file in the Independent Guest Virtual Machine format, which tells a loader page by page what
 * a guest starts with.  Only its kind is read here.  Layout: Microsoft, igvm_defs,
 * IGVM_FIXED_HEADER and IGVM_VHS_SUPPORTED_PLATFORM.  Integers are little-endian:
 *
 *	0  "IGVM", version u32, offset u32 and size u32 of the headers, size of the file u32,
 *	   checksum u32
 *
 *	each header: type u32, length u32, data, padded to 8 bytes; those of type 1 come first:
 *	   compatibility mask u32, highest VTL u8, platform u8, platform version u16,
 *	   shared GPA boundary u64
 *
 * No allocation, no I/O.
 */
enum igvm_platform {
	IGVM_NATIVE,
	IGVM_VSM,	/* Hyper-V's isolation, without hardware */
	IGVM_SNP,
	IGVM_TDX,
	IGVM_SEV,
	IGVM_SEV_ES,
	_IGVM_PLATFORM_MAX,
};

/* True if the @len bytes at @p begin such a file. */
bool igvm_is(const uint8_t *p, size_t len);

/*
 * The platforms that the file has pages for, one bit each: 1 << IGVM_SNP.  Unknown platforms, and
 * those behind the @len bytes at @p, are left out; a broken file has none.
 */
unsigned igvm_platforms(const uint8_t *p, size_t len);

#endif
