/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TPM_VERIFY_TPM_H
#define COCO_ATTEST_TPM_VERIFY_TPM_H

#include <openssl/evp.h>

#include "attest/policy.h"
#include "attest/verify.h"

extern const struct attest_verifier attest_verify_tpm;
extern const struct policy_kind policy_tpm;

#define PCR_LEN 32

/* PCRs of the SHA-256 bank, as somebody says that they are. */
struct tpm_pcrs {
	uint32_t present;			/* bit n for PCR n */
	uint8_t value[POLICY_PCRS][PCR_LEN];
};

/*
 * The RSA public key of @n, @n_len bytes big-endian, and exponent 65537: 2048 to 4096 bits,
 * which are all significant.  NULL for any other, or without memory.
 */
EVP_PKEY *tpm_rsa_key(const uint8_t *n, size_t n_len);

/*
 * The two halves of verifying a TPM's quote, for evidence that has one inside.
 *
 * tpm_authenticate() makes every check that no policy can excuse: @ak signed the attestation of
 * @e, which is a quote with a nonce that @p names, of just the PCRs that the evidence claims,
 * with these values.  0 with @ret; what verdict_fail() gives; -ENOMEM.
 *
 * tpm_apply_policy() makes those that one can: PCR values, and which there must be.
 */
int tpm_authenticate(EVP_PKEY *ak, const struct evidence *e, const struct policy *p,
		     struct verdict *v, struct tpm_pcrs *ret);
void tpm_apply_policy(const struct tpm_pcrs *pcrs, const struct policy *p, struct verdict *v);

/* What a quote says, as claims "tpm.*"; what cannot be read becomes a failed check. */
void tpm_show(const struct evidence *e, struct verdict *v);

#endif
