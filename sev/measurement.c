/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/measurement.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "wire/bytes.h"

#define CONTEXT_MEASURE 0x04
#define FIELDS_LEN 8

struct measurer {
	EVP_MAC *mac;
	EVP_MAC_CTX *keyed;	/* OpenSSL clears the key when it frees it */
};

struct measurer *measurer_free(struct measurer *m)
{
	if (!m)
		return NULL;
	EVP_MAC_CTX_free(m->keyed);
	EVP_MAC_free(m->mac);
	free(m);
	return NULL;
}

int measurer_new(const struct secret *tik, struct measurer **ret)
{
	_cleanup_(measurer_freep) struct measurer *m = NULL;
	char sha256[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};

	if (secret_len(tik) != SEV_KEY_LEN)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -EIO;
	m->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	m->keyed = m->mac ? EVP_MAC_CTX_new(m->mac) : NULL;
	if (!m->keyed || EVP_MAC_init(m->keyed, secret_data(tik), secret_len(tik), params) != 1)
		return -EIO;
	*ret = TAKE_PTR(m);
	return 0;
}

int measurer_measure(struct measurer *m, const struct measured *what,
		     const uint8_t digest[static SHA256_LEN],
		     const uint8_t nonce[static SEV_NONCE_LEN], uint8_t ret[static SEV_MEASURE_LEN])
{
	uint8_t message[FIELDS_LEN + SHA256_LEN + SEV_NONCE_LEN] = {
		CONTEXT_MEASURE,
		what->api_major,
		what->api_minor,
		what->build,
	};
	size_t n;

	put_u32le(message + 4, what->policy);
	memcpy(message + FIELDS_LEN, digest, SHA256_LEN);
	memcpy(message + FIELDS_LEN + SHA256_LEN, nonce, SEV_NONCE_LEN);
	/* Without a key the one of before is taken again. */
	if (EVP_MAC_init(m->keyed, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(m->keyed, message, sizeof(message)) != 1 ||
	    EVP_MAC_final(m->keyed, ret, &n, SEV_MEASURE_LEN) != 1)
		return -EIO;
	return n == SEV_MEASURE_LEN ? 0 : -EIO;
}
