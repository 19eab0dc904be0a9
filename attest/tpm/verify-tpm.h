/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TPM_VERIFY_TPM_H
#define COCO_ATTEST_TPM_VERIFY_TPM_H

#include <openssl/evp.h>

#include "attest/policy.h"
#include "attest/verify.h"

extern const struct attest_verifier attest_verify_tpm;
extern const struct policy_kind policy_tpm;

#define PCR_LEN 32

/* PCRs of the SHA-256 bank, as the evidence claims them. */
struct tpm_pcrs {
	uint32_t present;			/* bit n for PCR n */
	uint8_t value[POLICY_PCRS][PCR_LEN];
};

/*
 * The RSA public key with the modulus @n, @n_len bytes big-endian without leading zero bits, and
 * the exponent 65537.  The key is the caller's.  NULL if the modulus does not have 2048 to 4096
 * bits, or if memory is short.
 */
EVP_PKEY *tpm_rsa_key(const uint8_t *n, size_t n_len);

/*
 * The two halves of verifying a TPM's quote, also for evidence that has a quote inside.
 *
 * tpm_authenticate() makes every check that no policy can excuse.  @ak signed the attestation of
 * @e; the attestation is a quote over a nonce that @p names, and over exactly the PCRs and values
 * that the evidence claims.  Returns 0 with @ret; what verdict_fail() gave; -ENOMEM.
 *
 * tpm_apply_policy() makes the checks that depend on the policy: PCR values, and which PCRs must
 * be quoted.
 */
int tpm_authenticate(EVP_PKEY *ak, const struct evidence *e, const struct policy *p,
		     struct verdict *v, struct tpm_pcrs *ret);
void tpm_apply_policy(const struct tpm_pcrs *pcrs, const struct policy *p, struct verdict *v);

/* Add what a quote says as claims "tpm.*".  A quote that cannot be read is a failed check. */
void tpm_show(const struct evidence *e, struct verdict *v);

#endif
