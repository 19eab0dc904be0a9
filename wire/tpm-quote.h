/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_TPM_QUOTE_H
#define COCO_WIRE_TPM_QUOTE_H

#include "wire/bytes.h"

/*
 * TPMS_ATTEST with a quote in it, and the signature that a TPM puts beside it.  Big-endian.
 * Layout: TPM 2.0 Library, part 2, "Attestation Structures" and "TPMT_SIGNATURE".
 *
 *	u32 magic, u16 type, u16 length, signer's name, u16 length, extra data, 17 bytes of clock,
 *	u64 firmware version, u32 n, n times { u16 hash, u8 length, bitmap }, u16 length,
 *	digest of the PCRs
 *
 * No allocation, no I/O.  Results point into the caller's bytes.
 */

#define TPM_QUOTE_MAX 1024		/* real quotes have 145 */
#define TPM_PCRS 24
#define TPM_ALG_SHA256_ID 0x000b

struct tpm_quote {
	struct bytes signer;		/* the key's qualified name */
	struct bytes extra;		/* the nonce */
	uint64_t clock;			/* in milliseconds */
	uint32_t n_resets, n_restarts;
	uint8_t safe;
	uint64_t firmware;
	unsigned n_banks;		/* banks with at least one selected PCR */
	uint16_t hash;			/* the last of those banks */
	uint32_t pcrs;			/* the selection in that bank, bit n for PCR n */
	struct bytes digest;
};

/*
 * Parse the attestation @data; all of its bytes must be used.
 *
 * @ret_problem is set on failure: what is wrong, in words, and constant.
 *
 * Returns 0; -EBADMSG when the bytes are malformed; -ENOMSG when a TPM did not make them, or they
 * are not a quote: then a signature over them means nothing; -EMSGSIZE over TPM_QUOTE_MAX.  @ret
 * is written on success only.
 */
int tpm_quote_parse(const uint8_t *data, size_t len, struct tpm_quote *ret,
		    const char **ret_problem);

/*
 * Find the bare RSASSA-PKCS1-v1_5 signature with SHA-256 in @data.  @data is that signature,
 * @key_len bytes, or a TPMT_SIGNATURE around it.
 *
 * Returns 0; -EBADMSG for anything else, and then @ret is unchanged.
 */
int tpm_signature_rsassa(const uint8_t *data, size_t len, size_t key_len, struct bytes *ret);

#endif
