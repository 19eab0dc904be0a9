/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_PE_H
#define COCO_WIRE_PE_H

#include "wire/bytes.h"

/*
 * The headers of a program that EFI starts: a kernel with its EFI stub, or a unified kernel image.
 * Layout: Microsoft's PE Format, little-endian.
 *
 *	 0   2  "MZ"
 *	60   4  offset of the following
 *	 0   4  "PE\0\0"
 *	 4   2  machine
 *	20   2  length of the optional header
 *	24   2  its magic: 10bh or 20bh
 *	92   2  subsystem: 10 is an EFI application
 *	94   2  characteristics: bit 8 is NX_COMPAT
 */
#define PE_HEADER_END 96
#define PE_SUBSYSTEM_EFI_APPLICATION 10
#define PE_NX_COMPAT 0x100

struct pe {
	uint16_t machine;		/* 8664h: x86-64 */
	uint16_t subsystem;
	uint16_t characteristics;
};

/*
 * Read the headers from the first @len bytes of a file.  Returns 0; -ENOENT if it is no such
 * program; -EBADMSG if the headers do not lie within these bytes or are too short.  @ret is
 * written on success only.
 */
int pe_read(const uint8_t *data, size_t len, struct pe *ret);

#endif
