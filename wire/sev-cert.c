/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/sev-cert.h"

#include <string.h>

#define CERT_VERSION 1
#define X_OFFSET 0x14
#define Y_OFFSET (X_OFFSET + SEV_NUMBER_LEN)
#define SLOT_LEN (8 + SEV_SIGNATURE_LEN)

static struct sev_signature slot_of(const uint8_t *cert, unsigned i)
{
	const uint8_t *p = cert + SEV_CERT_SIGNED_LEN + i * SLOT_LEN;

	return (struct sev_signature){ .usage = get_u32le(p),
				       .algo = get_u32le(p + 4),
				       .value = p + 8 };
}

int sev_cert_parse(const uint8_t *p, size_t len, struct sev_cert *ret)
{
	uint32_t curve;

	if (len != SEV_CERT_LEN || get_u32le(p) != CERT_VERSION)
		return -EBADMSG;
	curve = get_u32le(p + SEV_CERT_KEY_OFFSET);
	if (curve != SEV_CURVE_P256 && curve != SEV_CURVE_P384)
		return -EBADMSG;
	*ret = (struct sev_cert){
		.bytes = p,
		.api_major = p[4],
		.api_minor = p[5],
		.usage = get_u32le(p + 8),
		.algo = get_u32le(p + 12),
		.curve = curve,
		.x = p + X_OFFSET,
		.y = p + Y_OFFSET,
		.signatures = { slot_of(p, 0), slot_of(p, 1) },
	};
	return 0;
}

static bool is_65537(const uint8_t *p, size_t n)
{
	struct bytes rest = { p + 3, n - 3 };

	return p[0] == 1 && p[1] == 0 && p[2] == 1 && bytes_all_zero(&rest);
}

int amd_cert_next(struct bytes *b, struct amd_cert *ret)
{
	const uint8_t *p = b->p;
	struct amd_cert c;
	uint32_t bits;

	if (b->len == 0)
		return 0;
	if (b->len < AMD_CERT_HEADER_LEN || get_u32le(p) != CERT_VERSION)
		return -EBADMSG;
	bits = get_u32le(p + 0x38);
	if ((bits != 2048 && bits != 4096) || get_u32le(p + 0x3c) != bits)
		return -EBADMSG;
	c = (struct amd_cert){
		.bytes = p,
		.key_id = p + 4,
		.certifying_id = p + 0x14,
		.usage = get_u32le(p + 0x24),
		.n = bits / 8,
		.signed_len = AMD_CERT_HEADER_LEN + 2 * (bits / 8),
	};
	c.len = c.signed_len + c.n;
	if (b->len == c.signed_len && bits == 2048)
		c.len = c.signed_len;
	if (b->len < c.len)
		return -EBADMSG;
	c.exponent = p + AMD_CERT_HEADER_LEN;
	c.modulus = c.exponent + c.n;
	c.signature = c.len > c.signed_len ? c.modulus + c.n : NULL;
	if (!is_65537(c.exponent, c.n))
		return -EBADMSG;
	*ret = c;
	(void) bytes_skip(b, c.len);
	return 1;
}

static void put_reversed(uint8_t *ret, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ret[i] = p[len - 1 - i];
}

void sev_cert_write_godh(const uint8_t x[static SEV_P384_LEN], const uint8_t y[static SEV_P384_LEN],
			 uint8_t ret[static SEV_CERT_LEN])
{
	memset(ret, 0, SEV_CERT_LEN);
	put_u32le(ret, CERT_VERSION);
	put_u32le(ret + 8, SEV_USAGE_PDH);
	put_u32le(ret + 12, SEV_ALGO_ECDH_SHA256);
	put_u32le(ret + SEV_CERT_KEY_OFFSET, SEV_CURVE_P384);
	put_reversed(ret + X_OFFSET, x, SEV_P384_LEN);
	put_reversed(ret + Y_OFFSET, y, SEV_P384_LEN);
	for (unsigned i = 0; i < SEV_CERT_SLOTS; i++)
		put_u32le(ret + SEV_CERT_SIGNED_LEN + i * SLOT_LEN, SEV_USAGE_NONE);
}
