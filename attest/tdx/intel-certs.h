/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_INTEL_CERTS_H
#define COCO_ATTEST_TDX_INTEL_CERTS_H

#include "attest/trust.h"
#include "attest/x509/crl-set.h"
#include "attest/x509/x509.h"

/*
 * The two certificate chains that Intel issues, both under the Intel SGX Root CA: a quote's own
 * chain, and the chain of the key that signs TCB info and QE identity.
 *
 * The functions that check return 0, what verdict_fail() gave, or -ENOMEM.  Each step is a check
 * in @v.
 */

enum { PCK_LEAF, PCK_CA, PCK_ROOT, _PCK_MAX };

#define PCK_CERT_LEN_MAX 8192

/* The three certificates of a quote, in DER: some need not be decoded if they were before. */
struct pck_chain {
	struct {
		uint8_t b[PCK_CERT_LEN_MAX];
		size_t len;
	} cert[_PCK_MAX];
};

static inline struct bytes pck_der(const struct pck_chain *chain, unsigned i)
{
	return (struct bytes){ chain->cert[i].b, chain->cert[i].len };
}

/*
 * Cut the PEM of a quote into its certificates.  Returns 0; -EBADMSG if there are not exactly
 * three certificates; -EMSGSIZE if one is longer than PCK_CERT_LEN_MAX; -ENOMEM.
 */
int pck_chain_split(struct bytes pem, struct pck_chain *ret);
/* The same for two certificates, CA and root: there is no PCK certificate in @ret then. */
int pck_chain_split_ca(struct bytes pem, struct pck_chain *ret);

/* Who issued a PCK certificate: its CA, and the root above.  Both are verified. */
struct pck_authority {
	X509 *ca;
	X509 *root;
	uint8_t root_spki[32];	/* SHA-256 of the root key */
	int64_t expires;	/* the earlier end of the two certificates */
};

void pck_authority_done(struct pck_authority *a);

/*
 * Check the CA and the root of @chain at @now.  The root key must be a trust anchor of @trust.
 * On success, free @ret with pck_authority_done().
 */
int pck_check_authority(const struct pck_chain *chain, const struct trust *trust, int64_t now,
			struct verdict *v, struct pck_authority *ret);

/* True if @ca is the PCK Processor CA; else @ca is the PCK Platform CA. */
bool pck_ca_is_processor(X509 *ca);

/* Check the PCK certificate, issued by @ca, at @now.  @ret is yours. */
int pck_check_leaf(const struct pck_chain *chain, X509 *ca, int64_t now, struct verdict *v,
		   X509 **ret);

/* The TCB signing certificate and its root. */
struct signing_chain {
	X509 *signer;
	X509 *root;	/* NULL if its bytes are those of the quote's root, which was checked */
};

void signing_chain_done(struct signing_chain *c);

/*
 * Read the two certificates in @pem; @what names the chain in checks.  @chain is the quote's.
 * Free @ret with signing_chain_done(), also after a failure.
 */
int signing_chain_parse(struct bytes pem, const char *what, const struct pck_chain *chain,
			struct verdict *v, struct signing_chain *ret);

/*
 * Check @c at @now: it must lead to the same root key as @by, and no list of @root_crls may name
 * the signer.  @expires is lowered to the earlier end of the two certificates.
 */
int signing_chain_check(const struct signing_chain *c, const struct pck_authority *by,
			const struct trust *trust, const struct crl_set *root_crls, int64_t now,
			struct verdict *v, int64_t *expires);

#endif
