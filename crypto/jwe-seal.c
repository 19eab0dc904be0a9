/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/jwe-seal.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "base/base64.h"
#include "crypto/cleanup.h"
#include "crypto/gcm.h"
#include "crypto/jwe.h"
#include "crypto/locked-heap.h"

/* In OpenSSL's locked memory. */
struct keys {
	uint8_t wrap[JWE_KEY_LEN], content[JWE_KEY_LEN];
};

/* The bytes of the parts.  Nothing of them is secret. */
struct sealed {
	char *protected;			/* in base64url */
	uint8_t wrapped[TEE_KEY_RSA_MAX];
	size_t wrapped_len;
	uint8_t iv[JWE_IV_LEN], tag[JWE_TAG_LEN];
	uint8_t *ciphertext;
	size_t ciphertext_len;
};

static void keys_freep(struct keys **k)
{
	OPENSSL_secure_clear_free(*k, sizeof(**k));
}

static void sealed_done(struct sealed *s)
{
	free(s->protected);
	free(s->ciphertext);
}

/* ---- the key of the content, to the guest's key ---- */

static int set_header(struct sealed *s, const char *json)
{
	return base64url_encode((const uint8_t *)json, strlen(json), &s->protected);
}

static int set_ec_header(struct sealed *s, EVP_PKEY *ephemeral, unsigned curve)
{
	_cleanup_(freep) char *x64 = NULL, *y64 = NULL, *json = NULL;
	uint8_t x[BROKER_COORDINATE_MAX], y[BROKER_COORDINATE_MAX];

	if (jwe_key_point(ephemeral, curve, x, y) < 0 ||
	    base64url_encode(x, broker_curve_len(curve), &x64) < 0 ||
	    base64url_encode(y, broker_curve_len(curve), &y64) < 0)
		return -ENOMEM;
	if (asprintf(&json,
		     "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":{\"crv\":\"%s\","
		     "\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}}",
		     broker_curve_name(curve), x64, y64) < 0) {
		json = NULL;
		return -ENOMEM;
	}
	return set_header(s, json);
}

/* RFC 3394 */
static int wrap(const struct keys *k, struct sealed *s)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len = 0;

	if (!c)
		return -ENOMEM;
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_EncryptInit_ex(c, EVP_aes_256_wrap(), NULL, k->wrap, NULL) != 1 ||
	    EVP_EncryptUpdate(c, s->wrapped, &len, k->content, JWE_KEY_LEN) != 1 ||
	    len != JWE_WRAPPED_LEN)
		return -ENOMEM;
	s->wrapped_len = JWE_WRAPPED_LEN;
	return 0;
}

static int wrap_ec(EVP_PKEY *to, unsigned curve, struct keys *k, struct sealed *s)
{
	_cleanup_(pkey_freep) EVP_PKEY *ephemeral = NULL;
	int r;

	r = jwe_key_new(curve, &ephemeral);
	if (r >= 0)
		r = jwe_wrapping_key(ephemeral, to, curve, k->wrap);
	if (r >= 0)
		r = wrap(k, s);
	return r < 0 ? -ENOMEM : set_ec_header(s, ephemeral, curve);
}

static int wrap_rsa(EVP_PKEY *to, const struct keys *k, struct sealed *s)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(to, NULL);

	s->wrapped_len = sizeof(s->wrapped);
	if (!c || EVP_PKEY_encrypt_init(c) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) != 1 ||
	    EVP_PKEY_encrypt(c, s->wrapped, &s->wrapped_len, k->content, JWE_KEY_LEN) != 1)
		return -ENOMEM;
	return set_header(s, "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\"}");
}

static int wrap_to(const struct tee_key *to, struct keys *k, struct sealed *s)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	int r = tee_key_public(to, &key);

	if (r < 0)
		return r;
	switch (to->kind) {
	case TEE_KEY_EC_P256:
		return wrap_ec(key, BROKER_P256, k, s);
	case TEE_KEY_EC_P521:
		return wrap_ec(key, BROKER_P521, k, s);
	default:
		return wrap_rsa(key, k, s);
	}
}

/* ---- the content ---- */

/* The additional data is the header's text. */
static int encrypt(const struct keys *k, const struct secret *plain, struct sealed *s)
{
	const struct bytes aad = { (const uint8_t *)s->protected, strlen(s->protected) };

	s->ciphertext_len = secret_len(plain);
	s->ciphertext = malloc(s->ciphertext_len > 0 ? s->ciphertext_len : 1);
	return s->ciphertext ? gcm_seal(k->content, s->iv, aad, plain, s->ciphertext, s->tag) :
			       -ENOMEM;
}

static int format(const struct sealed *s, char **ret)
{
	_cleanup_(freep) char *key = NULL, *iv = NULL, *ciphertext = NULL, *tag = NULL;
	char *text;

	if (base64url_encode(s->wrapped, s->wrapped_len, &key) < 0 ||
	    base64url_encode(s->iv, sizeof(s->iv), &iv) < 0 ||
	    base64url_encode(s->ciphertext, s->ciphertext_len, &ciphertext) < 0 ||
	    base64url_encode(s->tag, sizeof(s->tag), &tag) < 0 ||
	    asprintf(&text, "%s.%s.%s.%s.%s", s->protected, key, iv, ciphertext, tag) < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}

int jwe_seal(const struct tee_key *to, const struct secret *plain, char **ret)
{
	_cleanup_(sealed_done) struct sealed s = { .protected = NULL };
	_cleanup_(keys_freep) struct keys *k = NULL;
	int r;

	if (secret_len(plain) > JWE_CIPHERTEXT_MAX)
		return -EMSGSIZE;
	k = locked_heap_new(sizeof(*k));
	if (!k)
		return -ENOMEM;
	if (RAND_priv_bytes(k->content, sizeof(k->content)) != 1 ||
	    RAND_bytes(s.iv, sizeof(s.iv)) != 1)
		return -EIO;
	r = wrap_to(to, k, &s);
	if (r >= 0)
		r = encrypt(k, plain, &s);
	if (r >= 0)
		r = format(&s, ret);
	if (r < 0)
		ERR_clear_error();
	return r;
}
