/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "wire/pe.h"

#define MZ_LEN 64
#define MAGIC_32 0x10b
#define MAGIC_64 0x20b

int pe_read(const uint8_t *data, size_t len, struct pe *ret)
{
	struct bytes b = { data, len };
	uint16_t magic;

	if (len < MZ_LEN || memcmp(data, "MZ", 2) != 0)
		return -ENOENT;
	if (bytes_skip(&b, get_u32le(data + 60)) < 0 || b.len < PE_HEADER_END)
		return -EBADMSG;
	if (memcmp(b.p, "PE\0", 4) != 0)
		return -ENOENT;
	magic = get_u16le(b.p + 24);
	if (get_u16le(b.p + 20) < PE_HEADER_END - 24 || (magic != MAGIC_32 && magic != MAGIC_64))
		return -EBADMSG;
	*ret = (struct pe){
		.machine = get_u16le(b.p + 4),
		.subsystem = get_u16le(b.p + 92),
		.characteristics = get_u16le(b.p + 94),
	};
	return 0;
}
