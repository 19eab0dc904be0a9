/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>

#include "attest/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct trust t;
	unsigned line = 0;

	if (trust_parse(data, len, "fuzz", &t, &line) < 0)
		return 0;
	assert(t.replaced && t.n_pins > 0 && t.n_pins <= TRUST_PINS_MAX);
	for (unsigned i = 0; i < t.n_pins; i++) {
		assert(trust_find(&t, ROOT_AMD_ARK, t.pins[i].spki_sha256) == &t.pins[i]);
		assert(strlen(t.pins[i].name) < PIN_NAME_LEN);
		for (const char *c = t.pins[i].name; *c; c++)
			assert(*c >= 0x20 && *c <= 0x7e);
	}
	return 0;
}
