/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_X509_CRL_SET_H
#define COCO_ATTEST_X509_CRL_SET_H

#include "attest/evidence.h"
#include "attest/newest.h"
#include "attest/verifier.h"
#include "attest/x509/x509.h"

/*
 * The revocation lists of one issuer that are at hand.  If any of them names a certificate, the
 * certificate is revoked, whatever the list's date and wherever it came from.  At least one list
 * must be good now.
 */
#define CRL_SET_MAX (EVIDENCE_CRLS_MAX + 1)	/* the evidence itself may have one more */

struct crl_set {
	X509_CRL *list[CRL_SET_MAX];	/* signed by the issuer */
	unsigned n;
	/* The newest of those that are good now, or of all; NULL before crl_set_check(). */
	X509_CRL *newest;
	int64_t next_update;		/* of @newest */
};

void crl_set_done(struct crl_set *s);

/* Who issues the lists, how they are signed, and what they are called. */
struct crl_issuer {
	X509 *cert;
	enum x509_sig sig;
	const char *name;	/* in checks: "AMD's revocation list" */
	const char *what;	/* in struct newest_entry */
	const uint8_t *root;	/* SHA-256 of the root key, 32 bytes */
};

/*
 * Add those of the @n candidates in @lists that the issuer signed.  @sent tells for each whether
 * it came with the evidence.  The other candidates are passed over with a remark, as long as at
 * least one was added.
 * Returns 0; what verdict_fail() gave if none was added, with code CRL_FORMAT or CRL_SIG;
 * -ENOMEM.
 */
int crl_set_collect(struct crl_set *s, struct verifier *ctx, const struct crl_issuer *by,
		    const struct bytes *lists, const bool *sent, unsigned n, struct verdict *v);

/* True if a list of @s names @cert. */
bool crl_set_has(const struct crl_set *s, X509 *cert);

/*
 * Find the newest list of @s, which must have at least one.  Check that it is good at @now and
 * not older than what @ctx remembers.
 * Returns 0, or what verdict_fail() gave, with code CRL_STALE, CRL_FORMAT or OLDER.
 */
int crl_set_check(struct crl_set *s, struct verifier *ctx, const struct crl_issuer *by, int64_t now,
		  struct verdict *v);

/*
 * Check one revocation list alone: crl_set_collect() and crl_set_check() with @list, and what they
 * return.  On success @ret is what to remember of the list.
 */
int crl_check_alone(struct verifier *ctx, const struct crl_issuer *by, struct bytes list,
		    int64_t now, struct verdict *v, struct newest_entry *ret);

/* What is to be remembered of a list. */
void crl_entry(X509_CRL *crl, const struct crl_issuer *by, struct newest_entry *ret);

#endif
