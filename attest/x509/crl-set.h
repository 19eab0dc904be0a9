/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_X509_CRL_SET_H
#define COCO_ATTEST_X509_CRL_SET_H

#include "attest/evidence.h"
#include "attest/newest.h"
#include "attest/verifier.h"
#include "attest/x509/x509.h"

/*
 * The revocation lists at hand of one issuer.  A certificate that any of them names is revoked,
 * whatever its date and wherever it came from; one must be good now.
 */
#define CRL_SET_MAX (EVIDENCE_CRLS_MAX + 1)	/* and one in the evidence itself */

struct crl_set {
	X509_CRL *list[CRL_SET_MAX];	/* those that the issuer signed */
	unsigned n;
	X509_CRL *
		newest; /* of them: good now if one is, and of those the newest; NULL before crl_set_check() */
	int64_t next_update;		/* its */
};

void crl_set_done(struct crl_set *s);

/* Who issues them, and how: their name in checks, and in the memory. */
struct crl_issuer {
	X509 *cert;
	enum x509_sig sig;
	const char *name;	/* "AMD's revocation list" */
	const char *what;	/* of struct newest_entry */
	const uint8_t *root;	/* SHA-256 of the root key, 32 bytes */
};

/*
 * Add those of @n candidates that are signed by the issuer; @sent says of which a sender is the
 * source.  What is none of them is passed over with a remark, as long as one is.
 * Returns 0; what verdict_fail() gave when there is none, with codes CRL_FORMAT and CRL_SIG;
 * -ENOMEM.
 */
int crl_set_collect(struct crl_set *s, struct verifier *ctx, const struct crl_issuer *by,
		    const struct bytes *lists, const bool *sent, unsigned n, struct verdict *v);

/* True when one of them names @cert. */
bool crl_set_has(const struct crl_set *s, X509 *cert);

/*
 * Check that the newest is good at @now, and not older than what @ctx remembers.
 * Returns 0, or what verdict_fail() gave, with codes CRL_STALE, CRL_FORMAT and OLDER.
 */
int crl_set_check(struct crl_set *s, struct verifier *ctx, const struct crl_issuer *by, int64_t now,
		  struct verdict *v);

/*
 * Check one revocation list alone: crl_set_collect() and crl_set_check() with @list, and what they
 * return.  On success @ret is what to remember of the list.
 */
int crl_check_alone(struct verifier *ctx, const struct crl_issuer *by, struct bytes list,
		    int64_t now, struct verdict *v, struct newest_entry *ret);

/* What the memory has of a list. */
void crl_entry(X509_CRL *crl, const struct crl_issuer *by, struct newest_entry *ret);

#endif
