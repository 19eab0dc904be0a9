/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file that is to be a header of LUKS, of any bytes.  'j': the rest is a JSON text, put behind a
 * good beginning.  Any other byte: the file.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/luks-token.h"
#include "wire/luks.h"

#define HDR_SIZE 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void begin(uint8_t *p)
{
	memcpy(p, "LUKS\xba\xbe\0\2\0\0\0\0\0\0\x40", 15);
	strcpy((char *)p + 72, "sha256");
	strcpy((char *)p + 168, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
}

static void check(const uint8_t *data, size_t len)
{
	int64_t n = luks_token_header_len(data, len);
	int r = luks_has_token(data, len, "coco");

	assert(n <= LUKS2_HEADER_MAX);
	if (n <= 0)
		assert(r == n);
	else if (r > 0)
		assert((size_t)n <= len && memmem(data, (size_t)n, "\"coco\"", 6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *file = calloc(1, HDR_SIZE + len);

	assert(file);
	if (len > 0 && data[0] == 'j' && len < HDR_SIZE - LUKS2_BINARY_LEN) {
		begin(file);
		memcpy(file + LUKS2_BINARY_LEN, data + 1, len - 1);
		assert(luks_token_header_len(file, HDR_SIZE) == HDR_SIZE);
		check(file, HDR_SIZE);
	} else {
		check(data, len);
	}
	free(file);
	return 0;
}
