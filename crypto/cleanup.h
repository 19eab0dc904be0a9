/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_CLEANUP_H
#define COCO_CRYPTO_CLEANUP_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/macro.h"

/* Cleanup functions of OpenSSL's objects, for _cleanup_(): pkey_freep() and so on. */
#define DEFINE_OPENSSL_CLEANUP(type, openssl_free, name)               \
	static inline void name##_freep(type **p)                      \
	{                                                              \
		openssl_free(*p);                                      \
	}

DEFINE_OPENSSL_CLEANUP(BIGNUM, BN_free, bn)
DEFINE_OPENSSL_CLEANUP(BIO, BIO_free, bio)
DEFINE_OPENSSL_CLEANUP(EC_GROUP, EC_GROUP_free, ec_group)
DEFINE_OPENSSL_CLEANUP(EC_POINT, EC_POINT_free, ec_point)
DEFINE_OPENSSL_CLEANUP(ECDSA_SIG, ECDSA_SIG_free, ecdsa_sig)
DEFINE_OPENSSL_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free, cipher_ctx)
DEFINE_OPENSSL_CLEANUP(EVP_MAC, EVP_MAC_free, mac)
DEFINE_OPENSSL_CLEANUP(EVP_MAC_CTX, EVP_MAC_CTX_free, mac_ctx)
DEFINE_OPENSSL_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free, md_ctx)
DEFINE_OPENSSL_CLEANUP(EVP_PKEY, EVP_PKEY_free, pkey)
DEFINE_OPENSSL_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free, pkey_ctx)
DEFINE_OPENSSL_CLEANUP(OSSL_PARAM, OSSL_PARAM_free, params)
DEFINE_OPENSSL_CLEANUP(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free, params_bld)

static inline void openssl_freep(uint8_t **p)
{
	OPENSSL_free(*p);
}

/* <sys/mman.h> has a pkey_free() of its own. */
static inline EVP_PKEY *evp_pkey_free(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
	return NULL;
}

#endif
