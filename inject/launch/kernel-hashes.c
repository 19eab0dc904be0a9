/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/kernel-hashes.h"

#include "wire/bytes.h"
#include "wire/guid.h"

#define HEADER_LEN (GUID_LEN + 2)
#define ENTRY_LEN (HEADER_LEN + KERNEL_HASH_LEN)

static const struct guid table_guid =
	GUID_INIT_TEXT(0x9438d606, 0x4f22, 0x4cc9, 0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21);
static const struct guid cmdline_guid =
	GUID_INIT_TEXT(0x97d02dd8, 0xbd20, 0x4c94, 0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a);
static const struct guid initrd_guid =
	GUID_INIT_TEXT(0x44baf731, 0x3a2f, 0x4bd7, 0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d);
static const struct guid kernel_guid =
	GUID_INIT_TEXT(0x4de79437, 0xabd2, 0x427f, 0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b);

static uint8_t *put_header(uint8_t *p, const struct guid *guid, uint16_t len)
{
	memcpy(p, guid->b, GUID_LEN);
	put_u16le(p + GUID_LEN, len);
	return p + HEADER_LEN;
}

void kernel_hashes_table(const struct kernel_hashes *h, uint8_t ret[static KERNEL_HASHES_LEN])
{
	const struct {
		const struct guid *guid;
		const uint8_t *hash;
	} entries[] = {
		{ &cmdline_guid, h->cmdline },
		{ &initrd_guid, h->initrd },
		{ &kernel_guid, h->kernel },
	};
	uint8_t *p;

	memset(ret, 0, KERNEL_HASHES_LEN);
	p = put_header(ret, &table_guid, HEADER_LEN + ARRAY_SIZE(entries) * ENTRY_LEN);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		p = put_header(p, entries[i].guid, ENTRY_LEN);
		memcpy(p, entries[i].hash, KERNEL_HASH_LEN);
		p += KERNEL_HASH_LEN;
	}
}
