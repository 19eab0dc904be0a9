/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/cleanup.h"

int hmac_sha256(const struct secret *key, const struct bytes *parts, size_t n,
		uint8_t ret[static HMAC_LEN])
{
	_cleanup_(mac_freep) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	_cleanup_(mac_ctx_freep) EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	char sha256[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	size_t len;

	if (!ctx)
		return -ENOMEM;
	if (EVP_MAC_init(ctx, secret_data(key), secret_len(key), params) != 1)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		if (EVP_MAC_update(ctx, parts[i].p, parts[i].len) != 1)
			return -EIO;
	return EVP_MAC_final(ctx, ret, &len, HMAC_LEN) == 1 && len == HMAC_LEN ? 0 : -EIO;
}
