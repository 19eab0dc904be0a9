/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_WIRE_SECRET_TABLE_H
#define COCO_WIRE_SECRET_TABLE_H

#include "wire/bytes.h"
#include "wire/guid.h"

/*
 * The GUIDed secret table that an owner injects and the firmware leaves in reserved memory.
 * Layout: the kernel's efi_secret driver, "Structure of the EFI secret area".  Everything is
 * little-endian and packed; entries are not aligned.
 *
 *	 0  16  header GUID 1e74f542-71dd-4d66-963e-ef4287ff173b
 *	16   4  length of the table in bytes, these 20 included
 *	20  16  GUID of an entry; all zero once the entry has been wiped
 *	36   4  length of the entry in bytes, these 20 included
 *	40   x  data; the next entry follows at once
 *
 * After the last entry 0 to 15 zero bytes are common, inside or outside the table's length,
 * because a launch secret travels in blocks of 16.
 *
 * No allocation, no I/O, no state: the same file is compiled into the driver and the programs.
 */
#define SECRET_TABLE_HEADER_LEN 20
#define SECRET_ENTRY_HEADER_LEN 20

extern const struct guid secret_table_guid;

/* The LUKS passphrase entry, as known by many tools: 736869e5-84f0-4973-92ec-06879ce3da0b. */
extern const struct guid secret_luks_guid;

struct secret_entry {
	struct guid guid;	/* zero: a wiped entry */
	size_t offset;		/* of the data, in bytes from the start of the area */
	struct bytes data;	/* borrowed from the area */
};

/* A walk over one area, started by secret_table_open().  The members are private. */
struct secret_table {
	const uint8_t *area;
	struct bytes rest;
};

/*
 * Begin to read the table at the start of the @area_len bytes at @area, which is borrowed.
 *
 * Returns 0; -ENOENT when the area does not begin with the table's GUID (nothing was injected);
 * -EBADMSG when the table's length is less than its header or more than the area.  @ret is
 * written on success only.
 */
int secret_table_open(const uint8_t *area, size_t area_len, struct secret_table *ret);

/*
 * Read the next entry, wiped entries included.
 *
 * Returns 1 with an entry; 0 at the end, which is the table's end or zero padding; -EBADMSG when
 * the next bytes are not an entry: the length is less than its own header, or runs past the
 * table.  Then nothing has moved, the entries before stay good, and nothing after it can be
 * found.
 */
int secret_table_next(struct secret_table *t, struct secret_entry *ret);

/*
 * Build a table: begin in @buf, then add entries, then finish.  The functions return the table's
 * length so far (finish: padded with zeros to a multiple of 16), or -EMSGSIZE when @size is not
 * enough.  Adding an entry also returns -EINVAL for the zero GUID, and -EEXIST for a GUID that
 * the table has already.  On error @buf is unchanged, and the table can go on without that entry.
 */
int secret_table_begin(uint8_t *buf, size_t size);
int secret_table_add(uint8_t *buf, size_t size, const struct guid *guid, const uint8_t *data,
		     size_t len);
int secret_table_finish(uint8_t *buf, size_t size);

#endif
