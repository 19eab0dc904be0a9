/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/release.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/io.h"
#include "crypto/bind.h"
#include "crypto/cleanup.h"
#include "crypto/ecdsa.h"
#include "crypto/jwe.h"
#include "crypto/locked-heap.h"
#include "crypto/tee-key.h"

#define SECURE_HEAP 65536
#define NO_SIGNER BROKER_IDENTITIES_MAX

struct handshake {
	EVP_PKEY *key;
	struct net_attest public;		/* the digest once it is bound */
	uint64_t born_usec;			/* CLOCK_BOOTTIME */
	bool bound;
	unsigned signer;			/* of the identity's keys, or NO_SIGNER */
	char opened[BROKER_PATH_LEN];		/* the path of the first release, or "" */
};

DEFINE_OPENSSL_CLEANUP(X509, X509_free, x509)

int release_init(void)
{
	return locked_heap_init(SECURE_HEAP);
}

/* ---- the broker's identity ---- */

static int key_id(X509 *cert, uint8_t ret[static BROKER_ID_LEN])
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	return len > 0 && EVP_Digest(der, (size_t)len, ret, NULL, EVP_sha256(), NULL) == 1 ?
		       0 :
		       -ENOMEM;
}

static int add_identity(const uint8_t *der, size_t len, struct broker_identity *i,
			struct cause *why)
{
	const uint8_t *p = der;
	_cleanup_(x509_freep) X509 *cert = d2i_X509(NULL, &p, (long)len);
	_cleanup_(pkey_freep) EVP_PKEY *key = cert ? X509_get_pubkey(cert) : NULL;
	uint8_t id[BROKER_ID_LEN];

	if (!cert || p != der + len)
		return cause_set(why, -EBADMSG, "certificate %u is broken", i->n + 1);
	if (!key || !ec_key_is_on(key, "prime256v1"))
		return cause_set(why, -EOPNOTSUPP, "the key of certificate %u is not EC P-256",
				 i->n + 1);
	if (i->n == BROKER_IDENTITIES_MAX)
		return cause_set(why, -E2BIG, "there are more than %d certificates",
				 BROKER_IDENTITIES_MAX);
	if (key_id(cert, id) < 0)
		return cause_set_oom(why);
	for (unsigned k = 0; k < i->n; k++)
		if (memcmp(i->keys[k].id, id, sizeof(id)) == 0)
			return cause_set(why, -EBADMSG, "certificates %u and %u have the same key",
					 k + 1, i->n + 1);
	memcpy(i->keys[i->n].id, id, sizeof(id));
	i->keys[i->n++].key = TAKE_PTR(key);
	return 0;
}

/* Takes the next block.  Returns 1; 0 after the last; a negative errno. */
static int next_block(BIO *in, struct broker_identity *i, struct cause *why)
{
	char *name = NULL, *header = NULL;
	uint8_t *der = NULL;
	long len = 0;
	int r;

	if (PEM_read_bio(in, &name, &header, &der, &len) != 1) {
		unsigned long e = ERR_peek_last_error();

		ERR_clear_error();
		return ERR_GET_REASON(e) == PEM_R_NO_START_LINE ?
			       0 :
			       cause_set(why, -EBADMSG, "certificate %u is broken", i->n + 1);
	}
	if (!streq(name, PEM_STRING_X509))
		r = cause_set(why, -EBADMSG, "it has a block '%.60s', which is not a certificate",
			      name);
	else
		r = add_identity(der, (size_t)len, i, why);
	OPENSSL_free(name);
	OPENSSL_free(header);
	/* It may have been a private key. */
	OPENSSL_clear_free(der, (size_t)len);
	return r < 0 ? r : 1;
}

int broker_identity_parse(const char *pem, size_t len, struct broker_identity *ret,
			  struct cause *why)
{
	_cleanup_(bio_freep) BIO *in = NULL;
	struct broker_identity i = { 0 };
	int r;

	if (len == 0 || len > BROKER_PEM_MAX)
		return cause_set(why, -ENODATA, "it has no certificate");
	in = BIO_new_mem_buf(pem, (int)len);
	if (!in)
		return cause_set_oom(why);
	do
		r = next_block(in, &i, why);
	while (r > 0);
	if (r == 0 && i.n == 0)
		r = cause_set(why, -ENODATA, "it has no certificate");
	if (r < 0) {
		broker_identity_done(&i);
		return r;
	}
	*ret = i;
	return 0;
}

void broker_identity_done(struct broker_identity *i)
{
	for (unsigned k = 0; k < i->n; k++)
		EVP_PKEY_free(i->keys[k].key);
	*i = (struct broker_identity){ 0 };
}

/* ---- the key pair ---- */

int handshake_new(unsigned curve, uint64_t now_usec, struct handshake **ret)
{
	_cleanup_(handshake_freep) struct handshake *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->public.curve = curve;
	h->public.coordinate_len = (uint32_t)broker_curve_len(curve);
	h->born_usec = now_usec;
	h->signer = NO_SIGNER;
	r = jwe_key_new(curve, &h->key);
	if (r >= 0)
		r = jwe_key_point(h->key, curve, h->public.x, h->public.y);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(h);
	return 0;
}

struct handshake *handshake_free(struct handshake *h)
{
	if (h)
		EVP_PKEY_free(h->key);
	free(h);
	return NULL;
}

/* ---- the nonce, and what the evidence is over ---- */

/* Find the identity that makes this nonce of what was asked. */
static int find_signer(struct handshake *h, const struct broker_identity *i,
		       const struct net_auth *asked, const struct net_challenge *c,
		       const uint8_t nonce[static BIND_SHA256_LEN], struct cause *why)
{
	uint8_t bound[BIND_SHA256_LEN], expected[BIND_SHA256_LEN];

	if (!c->has_salt)
		return cause_set(why, -EPROTO,
				 "the broker does not bind its nonce to an identity, as one with "
				 "Identity= must: it is another broker, or of another kind");
	if (c->hash != NET_HASH_SHA384)
		return cause_set(why, -EPROTO, "the broker asks for another hash than SHA-384");
	if (bind_bound(asked, bound) < 0)
		return cause_set_oom(why);
	for (unsigned k = 0; k < i->n; k++) {
		if (bind_nonce(i->keys[k].id, bound, c->salt, expected) < 0)
			return cause_set_oom(why);
		if (CRYPTO_memcmp(expected, nonce, sizeof(expected)) == 0)
			h->signer = k;
	}
	if (h->signer == NO_SIGNER)
		return cause_set(why, -ESTALE,
				 "the nonce is not the one that the broker of Identity= makes of "
				 "this question: it is another broker's, or an old one");
	return 0;
}

static const EVP_MD *hash_of(unsigned hash)
{
	switch (hash) {
	case NET_HASH_SHA256:
		return EVP_sha256();
	case NET_HASH_SHA384:
		return EVP_sha384();
	case NET_HASH_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

int runtime_data_digest(struct net_attest *key, const char *nonce, unsigned hash)
{
	_cleanup_(freep) char *text = NULL;
	const unsigned len = (unsigned)broker_curve_len(key->curve);
	const EVP_MD *md = hash_of(hash);
	struct tee_key public = {
		.kind = key->curve == BROKER_P256 ? TEE_KEY_EC_P256 : TEE_KEY_EC_P521,
		.x_len = len,
		.y_len = len,
	};

	if (!md || len == 0)
		return -EINVAL;
	memcpy(public.x, key->x, len);
	memcpy(public.y, key->y, len);
	memset(key->digest, 0, sizeof(key->digest));
	if (tee_key_text(&public, &text) < 0 ||
	    bind_runtime_data(nonce, text, md, key->digest) < 0)
		return -ENOMEM;
	key->digest_len = (uint32_t)EVP_MD_get_size(md);
	return 0;
}

int handshake_bind(struct handshake *h, const struct broker_identity *i,
		   const struct net_auth *asked, const struct net_challenge *c, struct cause *why)
{
	char nonce[BROKER_NONCE_TEXT_LEN + 1];
	uint8_t bytes[BIND_SHA256_LEN];
	int r;

	if (h->bound)
		return cause_set(why, -EPERM, "the handshake has its challenge already");
	memcpy(nonce, c->nonce, BROKER_NONCE_TEXT_LEN);
	nonce[BROKER_NONCE_TEXT_LEN] = '\0';
	/*
	 * The text goes into the runtime data as it is.  32 bytes need all of its 44 characters,
	 * so that there is no blank among them, no quote and no escape.
	 */
	if (c->nonce[BROKER_NONCE_TEXT_LEN] || !base64_decode_32(nonce, bytes))
		return cause_set(why, -EBADMSG, "the nonce is not base64 of 32 bytes");
	if (!hash_of(c->hash))
		return cause_set(why, -EBADMSG, "the broker asks for an unknown hash");
	if (i) {
		r = find_signer(h, i, asked, c, bytes, why);
		if (r < 0)
			return r;
	}
	if (runtime_data_digest(&h->public, nonce, c->hash) < 0)
		return cause_set_oom(why);
	h->bound = true;
	return 0;
}

int handshake_report_data(const struct handshake *h, uint8_t ret[static 64],
			  struct net_attest *ret_attest)
{
	if (!h->bound)
		return -EPERM;
	memcpy(ret, h->public.digest, sizeof(h->public.digest));
	*ret_attest = h->public;
	return 0;
}

/* ---- the release ---- */

/* The texts are made again of the fields: base64url has one form only. */
static int hash_jwe(const struct net_jwe *jwe, const uint8_t *ciphertext,
		    uint8_t ret[static BIND_SHA256_LEN])
{
	const struct bytes fields[] = {
		{ jwe->wrapped_key, sizeof(jwe->wrapped_key) },
		{ jwe->iv, sizeof(jwe->iv) },
		{ ciphertext, jwe->ciphertext_len },
		{ jwe->tag, sizeof(jwe->tag) },
	};
	struct bytes texts[1 + ARRAY_SIZE(fields)] = {
		{ (const uint8_t *)jwe->protected, jwe->protected_len },
	};
	char *encoded[ARRAY_SIZE(fields)] = { NULL };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields) && r == 0; i++) {
		r = base64url_encode(fields[i].p, fields[i].len, &encoded[i]);
		if (r == 0)
			texts[1 + i] = (struct bytes){ (const uint8_t *)encoded[i],
						       strlen(encoded[i]) };
	}
	if (r == 0)
		r = bind_jwe(texts, ret);
	for (size_t i = 0; i < ARRAY_SIZE(encoded); i++)
		free(encoded[i]);
	return r;
}

static int check_signature(const struct handshake *h, const struct broker_identity *i,
			   const char *path, const struct net_jwe *jwe, const uint8_t *ciphertext,
			   struct cause *why)
{
	uint8_t hash[BIND_SHA256_LEN], text[BIND_RELEASE_LEN];
	const size_t half = RELEASE_SIGNATURE_LEN / 2;
	int r;

	assert(h->signer < i->n && h->public.digest_len == BIND_RD_LEN);
	if (!jwe->has_release)
		return cause_set(why, -EKEYREJECTED,
				 "it is not signed, and Identity= wants the broker's signature");
	if (hash_jwe(jwe, ciphertext, hash) < 0 ||
	    bind_release(h->public.digest, path, jwe->version, hash, text) < 0)
		return cause_set_oom(why);
	r = ecdsa_verify(i->keys[h->signer].key, EVP_sha256(), jwe->signature,
			 jwe->signature + half, half, ECDSA_BIG_ENDIAN,
			 (struct bytes){ text, sizeof(text) });
	if (r == -ENOMEM)
		return cause_set_oom(why);
	return r < 0 ? cause_set(why, -EKEYREJECTED,
				 "its signature is not the broker's for this handshake and this "
				 "name") :
		       0;
}

int handshake_open(struct handshake *h, const struct broker_identity *i, const char *path,
		   const struct net_jwe *jwe, const uint8_t *ciphertext, uint64_t now_usec,
		   struct secret **ret, uint64_t *ret_version, struct cause *why)
{
	int r;

	if (!h->bound || (i != NULL) != (h->signer != NO_SIGNER))
		return cause_set(why, -EPERM, "the handshake is not bound to this broker");
	if (now_usec - h->born_usec > HANDSHAKE_USEC)
		return cause_set(why, -EKEYEXPIRED, "the handshake took more than %d minutes",
				 (int)(HANDSHAKE_USEC / 60000000));
	/* jwe_open() checks them too, but they are hashed before. */
	if (jwe->protected_len >= JWE_PROTECTED_MAX || jwe->ciphertext_len > JWE_CIPHERTEXT_MAX)
		return cause_set(why, -EMSGSIZE, "it is longer than a release may be");
	if (strlen(path) >= sizeof(h->opened))
		return cause_set(why, -EMSGSIZE, "the name is too long");
	if (!i && h->opened[0] && !streq(h->opened, path))
		return cause_set(why, -EPERM, "without Identity= a handshake has one secret");
	if (i) {
		r = check_signature(h, i, path, jwe, ciphertext, why);
		if (r < 0)
			return r;
	}
	strcpy(h->opened, path);
	r = jwe_open(h->key, h->public.curve, jwe, ciphertext, ret, why);
	if (r >= 0)
		*ret_version = jwe->has_release ? jwe->version : 0;
	return r;
}
