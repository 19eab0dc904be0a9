/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/p256.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "crypto/cleanup.h"
#include "crypto/ecdsa.h"

EVP_PKEY *p256_key(const uint8_t xy[static 64])
{
	uint8_t point[65] = { 0x04 };	/* uncompressed */
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group) - 1),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(point + 1, xy, 64);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = evp_pkey_free(key);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

bool p256_verify(EVP_PKEY *key, const uint8_t signature[static 64], struct bytes data)
{
	return key && ecdsa_verify(key, EVP_sha256(), signature, signature + 32, 32,
				   ECDSA_BIG_ENDIAN, data) == 0;
}
