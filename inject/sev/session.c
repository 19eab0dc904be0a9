/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/sev/session.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "crypto/cleanup.h"
#include "sev/hmac.h"
#include "inject/sev/sev-key.h"

/*
 * OpenSSL keeps the private key and the key schedules on its own heap and clears them when it
 * frees them.
 */
int session_agree(EVP_PKEY *own, EVP_PKEY *pdh, struct secret **ret)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	_cleanup_(secret_freep) struct secret *z = NULL;
	size_t len = SEV_P384_LEN;
	int r;

	if (!ctx)
		return -ENOMEM;
	if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, pdh) != 1) {
		ERR_clear_error();
		return -EKEYREJECTED;
	}
	r = secret_new(SEV_P384_LEN, &z);
	if (r < 0)
		return r;
	/* Of fixed length: a leading zero is part of it. */
	if (EVP_PKEY_derive(ctx, secret_bytes(z), &len) != 1 || len != SEV_P384_LEN)
		return -EIO;
	*ret = TAKE_PTR(z);
	return 0;
}

static int kdf(const struct secret *key, const char *label, const struct bytes *context,
	       struct secret **ret)
{
	static const uint8_t counter[4] = { 1 }, bits[4] = { 8 * SESSION_KEY_LEN };
	const struct bytes message[] = {
		{ counter, sizeof(counter) },
		/* Its NUL is the zero between label and context. */
		{ (const uint8_t *)label, strlen(label) + 1 },
		*context,
		{ bits, sizeof(bits) },
	};
	_cleanup_(secret_freep) struct secret *out = NULL;
	int r;

	r = secret_new(HMAC_LEN, &out);
	if (r == 0)
		r = hmac_sha256(key, message, ARRAY_SIZE(message), secret_bytes(out));
	if (r < 0)
		return r;
	secret_truncate(out, SESSION_KEY_LEN);
	*ret = TAKE_PTR(out);
	return 0;
}

/* AES-128-CTR over the two keys as one text. */
static int encrypt(const struct secret *kek, const uint8_t *iv, const struct secret *tek,
		   const struct secret *tik, uint8_t *ret)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *second = ret + SESSION_KEY_LEN;
	int n, m;

	if (!ctx)
		return -ENOMEM;
	if (EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, secret_data(kek), iv) != 1 ||
	    EVP_EncryptUpdate(ctx, ret, &n, secret_data(tek), SESSION_KEY_LEN) != 1 ||
	    EVP_EncryptUpdate(ctx, second, &m, secret_data(tik), SESSION_KEY_LEN) != 1)
		return -EIO;
	return n == SESSION_KEY_LEN && m == SESSION_KEY_LEN ? 0 : -EIO;
}

int session_wrap(const struct secret *z, uint32_t policy, const struct session_fresh *fresh,
		 const struct secret *tek, const struct secret *tik,
		 uint8_t ret[static SESSION_LEN])
{
	_cleanup_(secret_freep) struct secret *master = NULL, *kek = NULL, *kik = NULL;
	const struct bytes nonce = { fresh->nonce, sizeof(fresh->nonce) };
	const struct bytes none = { fresh->nonce, 0 };
	uint8_t blob[SESSION_LEN], policy_le[4];
	const struct bytes wrapped = { blob + 16, 2 * SESSION_KEY_LEN };
	const struct bytes policy_bytes = { policy_le, sizeof(policy_le) };
	int r;

	if (secret_len(tek) != SESSION_KEY_LEN || secret_len(tik) != SESSION_KEY_LEN)
		return -EINVAL;
	r = kdf(z, "sev-master-secret", &nonce, &master);
	if (r == 0)
		r = kdf(master, "sev-kek", &none, &kek);
	if (r == 0)
		r = kdf(master, "sev-kik", &none, &kik);
	if (r < 0)
		return r;

	memcpy(blob, fresh->nonce, SESSION_NONCE_LEN);
	memcpy(blob + 48, fresh->iv, SESSION_IV_LEN);
	put_u32le(policy_le, policy);
	r = encrypt(kek, fresh->iv, tek, tik, blob + 16);
	if (r == 0)
		r = hmac_sha256(kik, &wrapped, 1, blob + 64);
	if (r == 0)
		r = hmac_sha256(tik, &policy_bytes, 1, blob + 96);
	if (r == 0)
		memcpy(ret, blob, SESSION_LEN);
	return r;
}

int session_godh(EVP_PKEY *own, uint8_t ret[static SEV_CERT_LEN])
{
	_cleanup_(bn_freep) BIGNUM *x = NULL, *y = NULL;
	uint8_t x_be[SEV_P384_LEN], y_be[SEV_P384_LEN];

	if (EVP_PKEY_get_bits(own) != 384 ||
	    EVP_PKEY_get_bn_param(own, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(own, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1 ||
	    BN_bn2binpad(x, x_be, sizeof(x_be)) < 0 || BN_bn2binpad(y, y_be, sizeof(y_be)) < 0) {
		ERR_clear_error();
		return -EINVAL;
	}
	sev_cert_write_godh(x_be, y_be, ret);
	return 0;
}

static int random_key(struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	int r;

	r = secret_new(SESSION_KEY_LEN, &key);
	if (r < 0)
		return r;
	if (RAND_priv_bytes(secret_bytes(key), SESSION_KEY_LEN) != 1)
		return -EIO;
	*ret = TAKE_PTR(key);
	return 0;
}

int session_new(EVP_PKEY *pdh, uint32_t policy, struct session *ret)
{
	_cleanup_(pkey_freep) EVP_PKEY *own = EVP_EC_gen("P-384");
	_cleanup_(secret_freep) struct secret *z = NULL;
	_cleanup_(session_done) struct session s = { .tek = NULL };
	struct session_fresh fresh;
	int r;

	if (!own || RAND_bytes(fresh.nonce, sizeof(fresh.nonce)) != 1 ||
	    RAND_bytes(fresh.iv, sizeof(fresh.iv)) != 1)
		return -EIO;
	r = random_key(&s.tek);
	if (r == 0)
		r = random_key(&s.tik);
	if (r == 0)
		r = session_agree(own, pdh, &z);
	if (r == 0)
		r = session_wrap(z, policy, &fresh, s.tek, s.tik, s.blob);
	if (r == 0)
		r = session_godh(own, s.godh);
	if (r < 0)
		return r;
	*ret = s;
	s.tek = s.tik = NULL;
	return 0;
}
