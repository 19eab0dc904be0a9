/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_WIRE_SVKL_H
#define COCO_WIRE_SVKL_H

#include "wire/bytes.h"

/*
 * The ACPI table SVKL, in which firmware of TDX guests says where storage volume keys lie.
 * Layout: the kernel's include/acpi/actbl2.h (struct acpi_table_svkl), after Intel's
 * Guest-Hypervisor Communication Interface.  Little-endian, packed.
 *
 *	 0  36  ACPI header: "SVKL", u32 length of the table in bytes, this header included, ...
 *	36   4  number of keys
 *	40  16  for each key: u16 type, u16 format, u32 length of the key in bytes,
 *		u64 its guest-physical address
 *
 * The table is ACPI data that the host may have written: believe nothing in it.
 *
 * No allocation, no I/O, no state: the same file is compiled into the driver and the programs.
 */
#define SVKL_HEADER_LEN 40
#define SVKL_ENTRY_LEN 16
#define SVKL_KEYS_MAX 64
#define SVKL_KEY_LEN_MAX 65536
/* No reader needs more. */
#define SVKL_TABLE_LEN_MAX (SVKL_HEADER_LEN + SVKL_KEYS_MAX * SVKL_ENTRY_LEN)

/* A table that is well-formed as a whole.  The members are private, except n_keys. */
struct svkl {
	const uint8_t *entries;
	unsigned n_keys;
};

struct svkl_key {
	uint64_t address;	/* guest-physical, not 0 */
	/* in bytes, 1 to SVKL_KEY_LEN_MAX; address + len - 1 does not wrap */
	uint32_t len;
};

/*
 * Begin to read the @len bytes of the table at @table, its ACPI header included; they are
 * borrowed.  Bytes behind the last key are ignored.
 *
 * Returns 0; -ENOENT when it is not an SVKL table; -EBADMSG when it is shorter than its header or
 * than its keys; -EMSGSIZE for more than SVKL_KEYS_MAX keys.  @ret is written on success only.
 */
int svkl_open(const uint8_t *table, size_t len, struct svkl *ret);

/*
 * Read the key @i, which is less than n_keys.
 *
 * Returns 0; -EOPNOTSUPP for a type or format other than 0, a raw main storage volume key;
 * -EMSGSIZE when the key is empty or too long; -EBADMSG when it lies at 0 or wraps; -ENOTUNIQ
 * when it shares a byte with another key that is good by itself: wiping one would destroy the
 * other, so neither is used.  @ret is written on success only.
 */
int svkl_key(const struct svkl *t, unsigned i, struct svkl_key *ret);

#endif
