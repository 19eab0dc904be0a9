/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/double/release-broker.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(int good)
{
	if (!good)
		abort();
}

void double_init(struct double_broker *b, const char *group)
{
	X509 *x = X509_new();
	BIO *out = BIO_new(BIO_s_mem());
	uint8_t *spki = NULL;
	char *text;
	int len;

	b->key = EVP_EC_gen(group);
	need(b->key != NULL);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -20000);
	/* It is over; nobody may look at that. */
	X509_gmtime_adj(X509_getm_notAfter(x), -10000);
	X509_set_pubkey(x, b->key);
	need(X509_sign(x, b->key, EVP_sha256()) > 0);
	need(PEM_write_bio_X509(out, x) == 1);
	b->pem_len = (size_t)BIO_get_mem_data(out, &text);
	b->pem = malloc(b->pem_len + 1);
	memcpy(b->pem, text, b->pem_len);
	b->pem[b->pem_len] = '\0';
	len = i2d_PUBKEY(b->key, &spki);
	SHA256(spki, (size_t)len, b->id);
	OPENSSL_free(spki);
	BIO_free(out);
	X509_free(x);
}

void double_done(struct double_broker *b)
{
	EVP_PKEY_free(b->key);
	free(b->pem);
}

static void put(uint8_t **p, const void *data, size_t len)
{
	memcpy(*p, data, len);
	*p += len;
}

void double_challenge(const uint8_t id[static BROKER_ID_LEN], const struct net_auth *asked,
		      struct net_challenge *ret)
{
	uint8_t text[8192], bound[32], *p = text, nonce[32];

	memset(ret, 0, sizeof(*ret));
	put(&p, "coco bind 1", 12);
	put(&p, asked->boot, 32);
	put(&p, (uint8_t[]){ 0, (uint8_t)asked->n_paths }, 2);
	for (size_t i = 0; i < asked->n_paths; i++) {
		size_t n = strlen(asked->paths[i]);

		put(&p, (uint8_t[]){ (uint8_t)(n >> 8), (uint8_t)n }, 2);
		put(&p, asked->paths[i], n);
	}
	SHA256(text, (size_t)(p - text), bound);
	if (!asked->coco)
		memset(bound, 0, sizeof(bound));
	memset(ret->salt, 0x5a, 32);
	ret->has_salt = 1;
	p = text;
	put(&p, "coco nonce 1", 13);
	put(&p, id, 32);
	put(&p, bound, 32);
	put(&p, ret->salt, 32);
	SHA256(text, (size_t)(p - text), nonce);
	need(EVP_EncodeBlock((uint8_t *)ret->nonce, nonce, 32) == BROKER_NONCE_TEXT_LEN);
}

static EVP_PKEY *double_public(const struct net_attest *a, const char *group)
{
	uint8_t point[133] = { 4 };
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[3] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
						  1 + 2 * a->coordinate_len),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, a->x, a->coordinate_len);
	memcpy(point + 1 + a->coordinate_len, a->y, a->coordinate_len);
	need(EVP_PKEY_fromdata_init(c) == 1);
	need(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

void double_encrypt(const struct net_attest *a, const void *plain, size_t len,
		    struct net_jwe *ret, uint8_t *ret_ct)
{
	static const char *const groups[] = { "P-256", "P-521" };
	const char *group = groups[a->curve];
	EVP_PKEY *peer = double_public(a, group), *own = EVP_EC_gen(group);
	EVP_PKEY_CTX *d = EVP_PKEY_CTX_new(own, NULL);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t text[256], *p = text, z[66], kek[32], cek[32], point[133];
	size_t n = sizeof(z), point_len;
	int out, more;

	memset(ret, 0, sizeof(*ret));
	need(EVP_PKEY_derive_init(d) == 1);
	need(EVP_PKEY_derive_set_peer(d, peer) == 1);
	need(EVP_PKEY_derive(d, z, &n) == 1);
	put(&p, "\0\0\0\1", 4);
	put(&p, z, n);
	put(&p, "\0\0\0\x0e" "ECDH-ES+A256KW" "\0\0\0\0\0\0\0\0\0\0\1\0", 4 + 14 + 12);
	SHA256(text, (size_t)(p - text), kek);
	memset(cek, 0x42, sizeof(cek));
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	need(EVP_EncryptInit_ex(c, EVP_aes_256_wrap(), NULL, kek, NULL) == 1);
	need(EVP_EncryptUpdate(c, ret->wrapped_key, &out, cek, 32) == 1);
	need(out == JWE_WRAPPED_LEN);
	EVP_CIPHER_CTX_reset(c);
	strcpy(ret->protected, "eyJhbGciOiJFQ0RILUVTK0EyNTZLVyJ9");
	ret->protected_len = (uint32_t)strlen(ret->protected);
	memset(ret->iv, 7, sizeof(ret->iv));
	need(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, cek, ret->iv) == 1);
	need(EVP_EncryptUpdate(c, NULL, &out, (uint8_t *)ret->protected,
			       (int)ret->protected_len) == 1);
	if (len > 0)
		need(EVP_EncryptUpdate(c, ret_ct, &out, plain, (int)len) == 1);
	need(EVP_EncryptFinal_ex(c, z, &more) == 1);
	need(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, ret->tag) == 1);
	ret->ciphertext_len = (uint32_t)len;
	ret->curve = a->curve;
	need(EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					     &point_len) == 1);
	memcpy(ret->epk_x, point + 1, a->coordinate_len);
	memcpy(ret->epk_y, point + 1 + a->coordinate_len, a->coordinate_len);
	EVP_CIPHER_CTX_free(c);
	EVP_PKEY_CTX_free(d);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
}

/* A dot and base64url.  Returns how much that is. */
static size_t append_b64(char *to, const uint8_t *data, size_t len)
{
	size_t n;

	*to = '.';
	EVP_EncodeBlock((uint8_t *)to + 1, data, (int)len);
	for (n = 1; to[n] && to[n] != '='; n++)
		to[n] = to[n] == '+' ? '-' : to[n] == '/' ? '_' : to[n];
	return n;
}

void double_sign(EVP_PKEY *key, const uint8_t rd[static 48], const char *path, uint64_t version,
		 const uint8_t *ct, struct net_jwe *jwe)
{
	static char jwe_text[200000];
	uint8_t text[512], *p = text, der[80], hash[32];
	size_t n, der_len = sizeof(der);
	const uint8_t *q = der;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	ECDSA_SIG *sig;

	put(&p, "coco release 1", 15);
	put(&p, rd, 48);
	SHA256((const uint8_t *)path, strlen(path), hash);
	put(&p, hash, 32);
	for (int i = 7; i >= 0; i--)
		*p++ = (uint8_t)(version >> (8 * i));
	n = (size_t)sprintf(jwe_text, "%s", jwe->protected);
	n += append_b64(jwe_text + n, jwe->wrapped_key, JWE_WRAPPED_LEN);
	n += append_b64(jwe_text + n, jwe->iv, JWE_IV_LEN);
	n += append_b64(jwe_text + n, ct, jwe->ciphertext_len);
	n += append_b64(jwe_text + n, jwe->tag, JWE_TAG_LEN);
	SHA256((uint8_t *)jwe_text, n, hash);
	put(&p, hash, 32);
	need(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1);
	need(EVP_DigestSign(c, der, &der_len, text, (size_t)(p - text)) == 1);
	sig = d2i_ECDSA_SIG(NULL, &q, (long)der_len);
	need(sig != NULL);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), jwe->signature, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), jwe->signature + 32, 32);
	jwe->has_release = 1;
	jwe->version = version;
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(c);
}
