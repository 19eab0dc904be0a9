/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/ecdsa.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

static BIGNUM *number(const uint8_t *p, size_t len, enum ecdsa_order order)
{
	return order == ECDSA_LITTLE_ENDIAN ? BN_lebin2bn(p, (int)len, NULL) :
					      BN_bin2bn(p, (int)len, NULL);
}

/* Returns the length of @ret, or -ENOMEM.  Free @ret with OPENSSL_free(). */
static int to_der(const uint8_t *r, const uint8_t *s, size_t len, enum ecdsa_order order,
		  uint8_t **ret)
{
	BIGNUM *br = number(r, len, order), *bs = number(s, len, order);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int n = 0;

	if (br && bs && sig && ECDSA_SIG_set0(sig, br, bs)) {
		br = bs = NULL;	/* owned by the signature now */
		n = i2d_ECDSA_SIG(sig, ret);
	}
	BN_free(br);
	BN_free(bs);
	ECDSA_SIG_free(sig);
	return n > 0 ? n : -ENOMEM;
}

int ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const uint8_t *r, const uint8_t *s, size_t len,
		 enum ecdsa_order order, struct bytes data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int n, status = -ENOMEM;
	uint8_t *der = NULL;

	n = to_der(r, s, len, order, &der);
	/* EVP_DigestVerify() returns 0 for a wrong signature, less for an error: only 1 is good. */
	if (n > 0 && ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1)
		status = EVP_DigestVerify(ctx, der, (size_t)n, data.p, data.len) == 1 ?
				 0 :
				 -EKEYREJECTED;
	ERR_clear_error();
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return status;
}
