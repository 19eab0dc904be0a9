/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/igvm.h"

#include "wire/bytes.h"

#define MAGIC "IGVM"
#define HEADERS_AT 8		/* where the offset of the headers is */
#define FIXED_LEN 24
#define HEADER_LEN 8
#define SUPPORTED_PLATFORM 1u
#define SUPPORTED_PLATFORM_LEN 16
#define PLATFORM_AT 5		/* in its data */

bool igvm_is(const uint8_t *p, size_t len)
{
	return len >= strlen(MAGIC) && memcmp(p, MAGIC, strlen(MAGIC)) == 0;
}

unsigned igvm_platforms(const uint8_t *p, size_t len)
{
	struct bytes rest, header, data;
	unsigned platforms = 0;
	uint32_t at;

	if (!igvm_is(p, len) || len < FIXED_LEN)
		return 0;
	at = get_u32le(p + HEADERS_AT);
	if (at < FIXED_LEN || at > len)
		return 0;
	rest = (struct bytes){ p + at, len - at };
	while (bytes_take(&rest, HEADER_LEN, &header) == 0 &&
	       get_u32le(header.p) == SUPPORTED_PLATFORM &&
	       get_u32le(header.p + 4) == SUPPORTED_PLATFORM_LEN &&
	       bytes_take(&rest, SUPPORTED_PLATFORM_LEN, &data) == 0)
		if (data.p[PLATFORM_AT] < _IGVM_PLATFORM_MAX)
			platforms |= 1u << data.p[PLATFORM_AT];
	return platforms;
}
