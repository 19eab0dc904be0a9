/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/snp-file.h"

#include "attest/snp/snp-links.h"
#include "attest/snp/snp-pool.h"
#include "attest/x509/crl-set.h"

static int check_vek_file(struct verifier *ctx, struct snp_pool *pool, int64_t now,
			  struct verdict *v)
{
	struct snp_candidate *vek = &pool->list[0], *inter, *ark;
	int r;

	r = snp_pool_issuers(ctx, pool, vek, now, v, &inter, &ark);
	if (r < 0)
		return r;
	r = snp_check_links(ctx, ark, inter, vek, now, v);
	if (r < 0)
		return r;
	return snp_check_dates((const struct snp_candidate *const[]){ ark, inter, vek }, 3, now, v);
}

static int check_chain_file(struct verifier *ctx, struct snp_pool *pool, int64_t now,
			    struct verdict *v)
{
	struct snp_candidate *inter = &pool->list[0], *ark = &pool->list[1];
	int r;

	if (pool->n < 2 || ark->source != SOURCE_GIVEN)
		return verdict_fail(v, VERDICT_MALFORMED, "CHAIN", "certificates are there",
				    "two certificates", "fewer");
	r = snp_check_pin(verifier_trust(ctx), ark, v);
	if (r == 0)
		r = snp_check_names(ark, inter, inter, v);
	if (r == 0)
		r = snp_check_cas(ctx, ark, inter, now, v);
	if (r < 0)
		return r;
	return snp_check_dates((const struct snp_candidate *const[]){ ark, inter }, 2, now, v);
}

static int check_crl_file(struct verifier *ctx, struct snp_pool *pool, enum snp_product product,
			  bool vlek, struct bytes data, int64_t now, struct verdict *v,
			  struct newest_entry *ret)
{
	struct snp_candidate *ark = snp_pool_root(ctx, pool, product, now);
	struct crl_issuer by;
	uint8_t spki[PIN_LEN];
	int r;

	if (!ark)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PIN", "root key is trusted",
				    verdict_text(v, "a trusted key of ARK-%s",
						 snp_product_name(product)),
				    "not at hand");
	r = x509_spki_sha256(ark->cert, spki);
	if (r < 0)
		return r;
	by = (struct crl_issuer){ ark->cert, X509_SIG_PSS_SHA384,
				  "revocation list is AMD's and current",
				  vlek ? "crl-vlek" : "crl-vcek", spki };
	return crl_check_alone(ctx, &by, data, now, v, ret);
}

int snp_check_file(struct verifier *ctx, enum snp_product product, bool vlek, enum snp_file file,
		   struct bytes data, const struct evidence *beside, int64_t now, struct verdict *v,
		   struct newest_entry *ret)
{
	_cleanup_(snp_pool_done) struct snp_pool pool = { .n = 0 };
	int r = 0;

	if (file != SNP_FILE_CRL)
		r = snp_pool_add(ctx, &pool, data, SOURCE_GIVEN, now);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT",
				    "certificates are well-formed",
				    "certificates in DER or PEM and nothing else", "other bytes");
	for (unsigned i = 0; i < beside->n_certs; i++)
		if (snp_pool_add(ctx, &pool, beside->cert[i], SOURCE_SENT, now) == -ENOMEM)
			return -ENOMEM;
	switch (file) {
	case SNP_FILE_VEK:
		return check_vek_file(ctx, &pool, now, v);
	case SNP_FILE_CHAIN:
		return check_chain_file(ctx, &pool, now, v);
	default:
		return check_crl_file(ctx, &pool, product, vlek, data, now, v, ret);
	}
}
