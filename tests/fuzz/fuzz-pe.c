/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever the file is: what is accepted has its headers within the bytes that were given. */
#include <assert.h>

#include "wire/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pe pe = { 1, 2, 3 };
	uint64_t at;

	if (pe_read(data, len, &pe) < 0) {
		assert(pe.machine == 1 && pe.subsystem == 2 && pe.characteristics == 3);
		return 0;
	}
	assert(len >= 64 && data[0] == 'M');
	at = get_u32le(data + 60);
	assert(at + PE_HEADER_END <= len && data[at] == 'P');
	assert(pe.characteristics == get_u16le(data + at + 94));
	return 0;
}
