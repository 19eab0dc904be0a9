/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/packet.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "crypto/cleanup.h"
#include "sev/hmac.h"

/* What kind of message the MAC is for; the launch's measurement has 0x04. */
#define MAC_CONTEXT_SECRET 0x01

/* OpenSSL keeps the key schedules on its own heap and clears them when it frees them. */
static int encrypt(const struct secret *tek, const uint8_t *iv, const struct secret *plaintext,
		   uint8_t *ret)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const size_t len = secret_len(plaintext);
	int n;

	if (!ctx)
		return -ENOMEM;
	if (EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, secret_data(tek), iv) != 1 ||
	    EVP_EncryptUpdate(ctx, ret, &n, secret_data(plaintext), (int)len) != 1)
		return -EIO;
	return (size_t)n == len ? 0 : -EIO;
}

/*
 * The MAC over @p's flags, IV and payload; the lengths of plaintext and payload are one, as
 * nothing is compressed.
 */
static int authenticate(const struct secret *tik, const struct packet *p, const uint8_t *measure,
			uint8_t *ret)
{
	static const uint8_t context = MAC_CONTEXT_SECRET;
	uint8_t lengths[8];
	const struct bytes message[] = {
		{ &context, 1 },
		{ p->header, PACKET_HEADER_LEN - HMAC_LEN },
		{ lengths, sizeof(lengths) },
		{ p->payload, p->len },
		{ measure, SEV_MEASURE_LEN },
	};

	put_u32le(lengths, (uint32_t)p->len);
	put_u32le(lengths + 4, (uint32_t)p->len);
	return hmac_sha256(tik, message, ARRAY_SIZE(message), ret);
}

int packet_build(const struct packet_keys *keys, const uint8_t measure[static SEV_MEASURE_LEN],
		 const uint8_t iv[static PACKET_IV_LEN], const struct secret *plaintext,
		 struct packet *ret)
{
	_cleanup_(packet_done) struct packet p = { .len = secret_len(plaintext) };
	int r;

	if (secret_len(keys->tek) != SEV_KEY_LEN || secret_len(keys->tik) != SEV_KEY_LEN)
		return -EINVAL;
	if (p.len == 0 || p.len % PACKET_BLOCK_LEN != 0)
		return -EINVAL;
	if (p.len > PACKET_MAX_LEN)
		return -EMSGSIZE;
	p.payload = malloc(p.len);
	if (!p.payload)
		return -ENOMEM;

	put_u32le(p.header, /* flags= */ 0);
	memcpy(p.header + 4, iv, PACKET_IV_LEN);
	r = encrypt(keys->tek, iv, plaintext, p.payload);
	if (r < 0)
		return r;
	r = authenticate(keys->tik, &p, measure, p.header + PACKET_HEADER_LEN - HMAC_LEN);
	if (r < 0)
		return r;

	*ret = p;
	p.payload = NULL;
	return 0;
}

int packet_random_iv(uint8_t ret[static PACKET_IV_LEN])
{
	return RAND_bytes(ret, PACKET_IV_LEN) == 1 ? 0 : -EIO;
}
