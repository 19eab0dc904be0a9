/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_SNP_POOL_H
#define COCO_ATTEST_SNP_SNP_POOL_H

#include "attest/evidence.h"
#include "attest/verifier.h"
#include "attest/x509/x509.h"
#include "wire/snp-report.h"

/*
 * The certificates at hand for one SNP report, and the choice of the ones that belong to it.
 * Choosing is not verifying: snp-links.h checks what was chosen.
 */

enum snp_role {
	ROLE_OTHER,	/* not a name that AMD gives; may be meant as the VEK */
	ROLE_VCEK,
	ROLE_VLEK,
	ROLE_ASK,
	ROLE_ASVK,
	ROLE_ARK,
};

#define ROLE_BIT(role) (1u << (role))
#define ROLES_INTERMEDIATE (ROLE_BIT(ROLE_ASK) | ROLE_BIT(ROLE_ASVK))

/* Where a certificate comes from. */
enum snp_source {
	SOURCE_GIVEN,	/* the verifier's own */
	SOURCE_SENT,	/* sent beside the evidence */
	SOURCE_TABLE,	/* the host's, from the table in the evidence */
	SOURCE_BUILT_IN,
};

struct snp_candidate {
	X509 *cert;			/* holds a reference */
	uint8_t key[MEMO_KEY_LEN];	/* hash of the certificate's bytes */
	enum snp_role role;
	enum snp_source source;
	char cn[X509_CN_MAX + 1];	/* common name; "" if it cannot be read */
	const char *product; /* points into @cn, behind the role's prefix; "" for leaves */
};

/* The verifier's own certificates may fill their part; the rest is kept free for others'. */
#define CANDIDATES_OWN_MAX 96
#define CANDIDATES_MAX (CANDIDATES_OWN_MAX + 32)

struct snp_pool {
	struct snp_candidate list[CANDIDATES_MAX];
	unsigned n;
};

void snp_pool_done(struct snp_pool *pool);

/*
 * Decode the certificate @der into @ret, which is a reference of yours.  One that @ctx has verified
 * is not decoded again, and has its key.  Without @ctx none is known.
 * Returns 0; -EBADMSG or -EMSGSIZE as x509_parse_der(); -ENOMEM.
 */
int snp_cert_open(struct verifier *ctx, struct bytes der, X509 **ret);

/*
 * Add the certificates in @blob: one in DER, or any number in PEM.  A certificate that is there
 * already is not added again.
 * Returns 0; -EBADMSG if @blob is malformed; -EMSGSIZE if the pool is full or a certificate too
 * long; -ENOMEM.
 */
int snp_pool_add(struct verifier *ctx, struct snp_pool *pool, struct bytes blob,
		 enum snp_source source, int64_t now);

/*
 * Add the certificates of @e: with @sent those that came with the evidence, else the verifier's
 * own.  A malformed certificate of the verifier's is a failure; one that was sent is passed over.
 * Returns 0, what verdict_fail() gave, or -ENOMEM.
 */
int snp_pool_add_given(struct verifier *ctx, struct snp_pool *pool, const struct evidence *e,
		       bool sent, int64_t now, struct verdict *v);

/*
 * Add the certificates of the host's table.  A malformed VCEK or VLEK is a failure; a malformed
 * ASK or ARK is passed over, since hosts ship broken ones.
 * Returns 0, what verdict_fail() gave, or -ENOMEM.
 */
int snp_pool_add_table(struct verifier *ctx, struct snp_pool *pool, const struct snp_table *table,
		       int64_t now, struct verdict *v);

/*
 * What the memo calls it that @above has issued @below.  snp-links.h remembers that once it has
 * checked the signature, and then no choice verifies it again.  Returns 0 or -ENOMEM.
 */
enum snp_link {
	LINK_CA,	/* the root an intermediate */
	LINK_VEK,	/* an intermediate a VEK */
};
int snp_link_key(enum snp_link link, const struct snp_candidate *below,
		 const struct snp_candidate *above, uint8_t ret[static MEMO_KEY_LEN]);

/* The best candidate for the key that signed @report, or NULL if there is none. */
struct snp_candidate *snp_pool_vek(struct verifier *ctx, struct snp_pool *pool,
				   const struct snp_report *report, int64_t now);

/*
 * Find who issued @vek: the intermediate and the root above it.
 * Returns 0; else what verdict_fail() gave, undecided with code NO_CA, if one is missing.
 */
int snp_pool_issuers(struct verifier *ctx, struct snp_pool *pool, const struct snp_candidate *vek,
		     int64_t now, struct verdict *v, struct snp_candidate **ret_inter,
		     struct snp_candidate **ret_ark);

/* The trusted root of @product, from the pool or built in; NULL if there is none. */
struct snp_candidate *snp_pool_root(struct verifier *ctx, struct snp_pool *pool,
				    enum snp_product product, int64_t now);

#endif
