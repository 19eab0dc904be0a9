/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_WIRE_OVMF_TABLE_H
#define COCO_WIRE_OVMF_TABLE_H

#include "wire/bytes.h"
#include "wire/guid.h"

/*
 * The GUIDed table at the end of an OVMF image, which ends just below the reset vector.  Layout:
 * edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm.  It is read backwards:
 *
 *	... | data, u16 length, GUID | data, u16 length, GUID
 *	    | u16 length of the table, footer GUID | 32 bytes | end
 *
 * The length of an entry counts its data, itself and its GUID.  The length of the table counts
 * all entries and the footer's own 18 bytes.  Little-endian.  The first images had one entry, the
 * SEV-ES reset address, in place of the footer.
 *
 * No allocation, no I/O: the same file is compiled into the driver and the programs.
 */

/* A table reaches at most this far back from the end of the image. */
#define OVMF_TABLE_TAIL_LEN (32 + 65535)

/* base u32, size u32 of the launch secret's area */
extern const struct guid ovmf_secret_area_guid;
/* base u32, size u32 of the kernel hashes' area */
extern const struct guid ovmf_hash_area_guid;
/* u32, where SEV-ES application processors begin */
extern const struct guid ovmf_es_reset_guid;

/*
 * Find the entry @guid in the table at the end of the @len bytes at @tail.  @tail is a whole
 * image, or only its end; then OVMF_TABLE_TAIL_LEN bytes are always enough.
 *
 * Of two entries with the same GUID the one nearest the footer wins, as in QEMU.  @ret is the
 * entry's data, borrowed from @tail.
 *
 * Returns 0; -ENOENT without a table, or without such an entry; -EBADMSG when any part of the
 * table is broken, in front of the entry or behind it: a length that is too short, or that runs
 * past the table or past @tail.  @ret is written on success only.
 */
int ovmf_table_find(const uint8_t *tail, size_t len, const struct guid *guid, struct bytes *ret);

struct ovmf_area {
	uint32_t base;		/* guest-physical, never 0 */
	uint32_t size;		/* bytes, never 0; base + size is at most 4 GiB */
};

/*
 * Where the firmware in @tail (as above) takes a launch secret.
 *
 * Returns 0; -ENOENT when it takes no secret: without such an entry, or with base 0, as in builds
 * without SEV support; -EBADMSG when the table is broken, or the entry is not 8 bytes, has no
 * size, or passes 4 GiB.
 */
int ovmf_secret_area(const uint8_t *tail, size_t len, struct ovmf_area *ret);

/* Where the firmware takes the hashes of a kernel that QEMU loads.  Returns as above. */
int ovmf_hash_area(const uint8_t *tail, size_t len, struct ovmf_area *ret);

/*
 * Where SEV-ES application processors begin, never 0.  Returns 0; -ENOENT when the table does not
 * say; -EBADMSG as above, or for an entry that is not 4 bytes.
 */
int ovmf_es_reset(const uint8_t *tail, size_t len, uint32_t *ret);

#endif
