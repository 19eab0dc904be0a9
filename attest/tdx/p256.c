/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/p256.h"

#include <string.h>

#include "crypto/digest.h"
#include "crypto/ecdsa.h"
#include "crypto/public-key.h"

EVP_PKEY *p256_key(const uint8_t xy[static 64])
{
	uint8_t point[65] = { 0x04 };	/* uncompressed */

	memcpy(point + 1, xy, 64);
	return ec_public_key(EC_P256, (struct bytes){ point, sizeof(point) });
}

bool p256_verify(EVP_PKEY *key, const uint8_t signature[static 64], struct bytes data)
{
	return key && ecdsa_verify(key, digest_sha256(), signature, signature + 32, 32,
				   ECDSA_BIG_ENDIAN, data) == 0;
}

bool p256_verify_hash(EVP_PKEY *key, const uint8_t signature[static 64],
		      const uint8_t sha256[static 32])
{
	return key && ecdsa_verify_numbers(key, signature, signature + 32, 32, ECDSA_BIG_ENDIAN,
					   (struct bytes){ sha256, 32 }) == 0;
}
