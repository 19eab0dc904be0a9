/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_DOUBLE_RELEASE_BROKER_H
#define COCO_TESTS_DOUBLE_RELEASE_BROKER_H

#include <openssl/evp.h>

#include "wire/broker.h"

/*
 * A test double: what a broker computes in a handshake, from OpenSSL and the form of the messages
 * alone.  It shares no code with the keeper's side (agent/keeper/release.c).  It aborts when
 * OpenSSL fails.
 */
struct double_broker {
	EVP_PKEY *key;
	uint8_t id[BROKER_ID_LEN];
	char *pem;		/* its certificate, which has expired */
	size_t pem_len;
};

void double_init(struct double_broker *b, const char *group);
void double_done(struct double_broker *b);

/* The challenge of a broker with the key @id to the question @asked. */
void double_challenge(const uint8_t id[static BROKER_ID_LEN], const struct net_auth *asked,
		      struct net_challenge *ret);

/* Encrypt @plain to the key of @a.  @ret_ciphertext has room for it. */
void double_encrypt(const struct net_attest *a, const void *plain, size_t len,
		    struct net_jwe *ret, uint8_t *ret_ciphertext);

/* Sign @jwe as a release of the secret @path to the handshake with the digest @rd. */
void double_sign(EVP_PKEY *key, const uint8_t rd[static 48], const char *path, uint64_t version,
		 const uint8_t *ciphertext, struct net_jwe *jwe);

#endif
