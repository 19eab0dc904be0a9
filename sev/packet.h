/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SEV_PACKET_H
#define COCO_SEV_PACKET_H

#include "base/macro.h"
#include "base/secret.h"

/*
 * A LAUNCH_SECRET packet: what an owner hands to the host, and only this guest's launch can open.
 * Layout: AMD, "Secure Encrypted Virtualization API", publication 55766, LAUNCH_SECRET.
 *
 *	header	 0   4  flags, little-endian; bit 0 is compression, which we never use
 *		 4  16  IV
 *		20  32  MAC
 *	payload	AES-128-CTR(TEK, IV, plaintext); the IV is one big-endian counter of 128 bits
 *
 *	MAC = HMAC-SHA256(TIK, 0x01 || flags || IV || plaintext length u32 ||
 *			  payload length u32 || payload || measurement without its nonce)
 */
#define PACKET_HEADER_LEN 52
#define PACKET_IV_LEN 16
#define PACKET_BLOCK_LEN 16
#define PACKET_MAX_LEN 16384		/* what Linux hands to the firmware: SEV_FW_BLOB_MAX_SIZE */
#define SEV_KEY_LEN 16			/* of TEK and of TIK */
#define SEV_MEASURE_LEN 32
#define SEV_NONCE_LEN 16

struct packet {
	uint8_t header[PACKET_HEADER_LEN];
	uint8_t *payload;		/* ciphertext; freed by packet_done() */
	size_t len;			/* of the payload, in bytes */
};

static inline void packet_done(struct packet *p)
{
	free(p->payload);
	p->payload = NULL;
}

struct packet_keys {
	const struct secret *tek, *tik;	/* SEV_KEY_LEN bytes each */
};

/*
 * Encrypt and authenticate @plaintext, a padded secret table, for the launch that was measured
 * as @measure.
 *
 * @iv must never be used twice with the same TEK: draw it by packet_random_iv().  @ret is
 * yours, for packet_done().
 * Returns 0; -EINVAL when a key has another length, or the plaintext is empty or no multiple of
 * 16 bytes; -EMSGSIZE over PACKET_MAX_LEN; -ENOMEM; -EIO when the library refuses.
 */
int packet_build(const struct packet_keys *keys, const uint8_t measure[static SEV_MEASURE_LEN],
		 const uint8_t iv[static PACKET_IV_LEN], const struct secret *plaintext,
		 struct packet *ret);

/* A fresh IV.  Returns 0, or -EIO when there is no randomness. */
int packet_random_iv(uint8_t ret[static PACKET_IV_LEN]);

#endif
