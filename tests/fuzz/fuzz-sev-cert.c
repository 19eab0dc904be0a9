/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever the bytes: a parsed certificate lies inside them, and a refused one moves nothing. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/sev-cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned sum;

/* Read every byte, so that a sanitizer sees one that does not exist. */
static void touch(const uint8_t *p, size_t n, const uint8_t *data, size_t len)
{
	assert(p >= data && n <= len && p + n <= data + len);
	for (size_t i = 0; i < n; i++)
		sum += p[i];
}

static void one_sev(const uint8_t *data, size_t len)
{
	struct sev_cert c;
	int r = sev_cert_parse(data, len, &c);

	assert(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	assert(len == SEV_CERT_LEN && (c.curve == SEV_CURVE_P256 || c.curve == SEV_CURVE_P384));
	touch(c.x, SEV_NUMBER_LEN, data, len);
	touch(c.y, SEV_NUMBER_LEN, data, len);
	for (int i = 0; i < SEV_CERT_SLOTS; i++)
		touch(c.signatures[i].value, SEV_SIGNATURE_LEN, data, len);
}

static void all_amd(const uint8_t *data, size_t len)
{
	struct bytes b = { data, len };
	struct amd_cert c;
	int r;

	for (;;) {
		struct bytes before = b;

		r = amd_cert_next(&b, &c);
		assert(r == 1 || r == 0 || r == -EBADMSG);
		if (r != 1) {
			assert(b.p == before.p && b.len == before.len && (r < 0) == (b.len > 0));
			return;
		}
		assert(c.bytes == before.p && c.len == before.len - b.len &&
		       (c.n == 256 || c.n == 512));
		touch(c.bytes, c.len, data, len);
		touch(c.exponent, 2 * c.n, data, len);
		if (c.signature)
			touch(c.signature, c.n, data, len);
		else
			assert(b.len == 0 && c.n == 256);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	one_sev(data, len);
	all_amd(data, len);
	return 0;
}
