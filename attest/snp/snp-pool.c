/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/snp-pool.h"

#include <stdio.h>

#include "attest/snp/amd-ca.h"
#include "attest/snp/amd-vek.h"
#include "attest/trust.h"

void snp_pool_done(struct snp_pool *pool)
{
	while (pool->n > 0)
		X509_free(pool->list[--pool->n].cert);
}

/* ---- collecting ---- */

static enum snp_role role_of(const char *cn, const char **ret_product)
{
	static const struct {
		const char *prefix;
		bool whole;
		enum snp_role role;
	} names[] = {
		{ "SEV-VCEK", true, ROLE_VCEK },   { "SEV-VLEK", true, ROLE_VLEK },
		{ "SEV-VLEK-", false, ROLE_ASVK }, { "SEV-", false, ROLE_ASK },
		{ "ARK-", false, ROLE_ARK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *rest = startswith(cn, names[i].prefix);
		enum snp_product product;

		if (!rest ||
		    (names[i].whole ? *rest :
				      snp_product_by_name(rest, strlen(rest), &product) < 0))
			continue;
		*ret_product = rest;
		return names[i].role;
	}
	*ret_product = "";
	return ROLE_OTHER;
}

static int cert_key(struct bytes der, uint8_t ret[static MEMO_KEY_LEN])
{
	return memo_key("snp-cert", &der, 1, ret);
}

/* What a certificate proves does not change: the memo has it for any time. */
static int open_cert(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN],
		     struct bytes der, X509 **ret)
{
	X509 *known = verifier_recall(ctx, key, /* now= */ 0);

	if (!known)
		return x509_parse_der(der, ret);
	if (!X509_up_ref(known))
		return -ENOMEM;
	*ret = known;
	return 0;
}

int snp_cert_open(struct verifier *ctx, struct bytes der, X509 **ret)
{
	uint8_t key[MEMO_KEY_LEN];
	int r;

	if (!ctx)
		return x509_parse_der(der, ret);
	r = cert_key(der, key);
	return r < 0 ? r : open_cert(ctx, key, der, ret);
}

static int add_der(struct verifier *ctx, struct snp_pool *pool, struct bytes der,
		   enum snp_source source, int64_t now)
{
	struct snp_candidate *c = &pool->list[pool->n];
	int r;

	if (pool->n == (source == SOURCE_GIVEN ? CANDIDATES_OWN_MAX : CANDIDATES_MAX))
		return -EMSGSIZE;
	r = cert_key(der, c->key);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < pool->n; i++)
		if (memcmp(pool->list[i].key, c->key, MEMO_KEY_LEN) == 0)
			return 0;
	r = open_cert(ctx, c->key, der, &c->cert);
	if (r < 0)
		return r;
	if (x509_common_name(X509_get_subject_name(c->cert), c->cn) < 0)
		c->cn[0] = '\0';
	c->role = role_of(c->cn, &c->product);
	c->source = source;
	pool->n++;
	return 0;
}

struct addition {
	struct verifier *ctx;
	struct snp_pool *pool;
	enum snp_source source;
	int64_t now;
};

static int add_one(void *userdata, struct bytes der)
{
	const struct addition *a = userdata;

	return add_der(a->ctx, a->pool, der, a->source, a->now);
}

int snp_pool_add(struct verifier *ctx, struct snp_pool *pool, struct bytes blob,
		 enum snp_source source, int64_t now)
{
	struct addition a = { .ctx = ctx, .pool = pool, .source = source, .now = now };

	return x509_each_der(blob, add_one, &a);
}

int snp_pool_add_given(struct verifier *ctx, struct snp_pool *pool, const struct evidence *e,
		       bool sent, int64_t now, struct verdict *v)
{
	for (unsigned i = 0; i < e->n_certs; i++) {
		int r;

		if (e->cert_sent[i] != sent)
			continue;
		r = snp_pool_add(ctx, pool, e->cert[i], sent ? SOURCE_SENT : SOURCE_GIVEN, now);
		if (r == 0)
			continue;
		if (r != -EBADMSG && r != -EMSGSIZE)
			return r;
		if (!sent)
			return verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT",
					    "certificates are well-formed",
					    r == -EMSGSIZE ?
						    verdict_text(v, "at most %d certificates",
								 CANDIDATES_OWN_MAX) :
						    "certificates in DER or PEM and nothing else",
					    verdict_text(v, "certificate file %u is not", i + 1));
		verdict_skip(v, "certificates are well-formed",
			     verdict_text(v,
					  "certificate %u was sent with the evidence, and is "
					  "malformed or one too many: not used",
					  i + 1));
	}
	return 0;
}

int snp_pool_add_table(struct verifier *ctx, struct snp_pool *pool, const struct snp_table *table,
		       int64_t now, struct verdict *v)
{
	static const enum snp_table_kind kinds[] = {
		SNP_TABLE_VCEK, SNP_TABLE_VLEK, SNP_TABLE_ASK, SNP_TABLE_ARK,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool is_vek = kinds[i] == SNP_TABLE_VCEK || kinds[i] == SNP_TABLE_VLEK;
		const char *name = snp_table_kind_name(kinds[i]);
		unsigned before = pool->n;
		int r;

		if (!table->piece[kinds[i]].p)
			continue;
		r = snp_pool_add(ctx, pool, table->piece[kinds[i]], SOURCE_TABLE, now);
		if (r == -ENOMEM)
			return r;
		if (r == 0 && pool->n <= before + 1)
			continue;
		if (is_vek)
			return verdict_fail(v, VERDICT_MALFORMED, "VEK_EXT",
					    "certificates are well-formed",
					    verdict_text(v, "one certificate as %s of the table",
							 name),
					    "something else");
		verdict_skip(v, verdict_text(v, "%s of the table", name),
			     "it is malformed: not used, as it is only a hint");
	}
	return 0;
}

/* ---- choosing ---- */

static bool same_name(const X509_NAME *a, const X509_NAME *b)
{
	return X509_NAME_cmp(a, b) == 0;
}

/* The first candidate of @roles and @source with the subject @name; else the first of those. */
static struct snp_candidate *pick(struct snp_pool *pool, unsigned roles, enum snp_source source,
				  const X509_NAME *name)
{
	struct snp_candidate *first = NULL;

	for (unsigned i = 0; i < pool->n; i++) {
		struct snp_candidate *c = &pool->list[i];

		if (!(roles & ROLE_BIT(c->role)) || c->source != source)
			continue;
		if (!name || same_name(X509_get_subject_name(c->cert), name))
			return c;
		if (!first)
			first = c;
	}
	return first;
}

static struct snp_candidate *pick_built_in(struct verifier *ctx, struct snp_pool *pool,
					   unsigned roles, const X509_NAME *name, int64_t now)
{
	char cn[X509_CN_MAX + 1];
	struct snp_candidate *c;

	if (x509_common_name(name, cn) < 0)
		return NULL;
	for (const struct amd_ca *ca = amd_cas; ca->common_name; ca++)
		if (streq(ca->common_name, cn) &&
		    add_der(ctx, pool, ca->der, SOURCE_BUILT_IN, now) == 0)
			break;
	/* The same bytes may have come from the table. */
	c = pick(pool, roles, SOURCE_BUILT_IN, name);
	return c && same_name(X509_get_subject_name(c->cert), name) ?
		       c :
		       pick(pool, roles, SOURCE_TABLE, name);
}

static bool is_valid_at(X509 *cert, int64_t now)
{
	return x509_valid_at(cert, now) == 0;
}

int snp_link_key(enum snp_link link, const struct snp_candidate *below,
		 const struct snp_candidate *above, uint8_t ret[static MEMO_KEY_LEN])
{
	const struct bytes both[] = { { below->key, MEMO_KEY_LEN }, { above->key, MEMO_KEY_LEN } };

	return memo_key(link == LINK_VEK ? "snp-vek" : "snp-link", both, ARRAY_SIZE(both), ret);
}

/* True if @ctx has verified @issuer's signature over @cert, both by their bytes. */
static bool is_known(struct verifier *ctx, const struct snp_candidate *issuer,
		     const struct snp_candidate *cert)
{
	enum snp_link link = issuer->role == ROLE_ARK ? LINK_CA : LINK_VEK;
	uint8_t key[MEMO_KEY_LEN];

	return snp_link_key(link, cert, issuer, key) == 0 &&
	       verifier_recall(ctx, key, /* now= */ 0);
}

/* True if @issuer's key signed @cert.  A root key is used only if it is trusted. */
static bool has_issued(struct verifier *ctx, const struct snp_candidate *issuer,
		       const struct snp_candidate *cert)
{
	uint8_t spki[PIN_LEN];

	if (issuer->role == ROLE_ARK && (x509_spki_sha256(issuer->cert, spki) < 0 ||
					 !trust_find(verifier_trust(ctx), ROOT_AMD_ARK, spki)))
		return false;
	return is_known(ctx, issuer, cert) ||
	       x509_issued_by(cert->cert, issuer->cert, X509_SIG_PSS_SHA384);
}

/*
 * Among the candidates of @source with the name of @cert's issuer, find one that issued @cert;
 * if possible, one that is valid now.  @ret_good tells whether there is one.  If not, the first
 * candidate with that name is returned, or NULL.
 */
static struct snp_candidate *pick_by_name(struct verifier *ctx, struct snp_pool *pool,
					  const struct snp_candidate *cert, unsigned roles,
					  enum snp_source source, int64_t now, bool *ret_good)
{
	struct snp_candidate *best = NULL, *first = NULL;

	for (unsigned i = 0; i < pool->n; i++) {
		struct snp_candidate *c = &pool->list[i];

		if (!(roles & ROLE_BIT(c->role)) || c->source != source ||
		    !same_name(X509_get_subject_name(c->cert), X509_get_issuer_name(cert->cert)))
			continue;
		if (!first)
			first = c;
		if (has_issued(ctx, c, cert) &&
		    (!best || (is_valid_at(c->cert, now) && !is_valid_at(best->cert, now))))
			best = c;
	}
	*ret_good = best != NULL;
	return best ? best : first;
}

/* True if there is more than one candidate of @roles to choose from. */
static bool has_other(const struct snp_pool *pool, unsigned roles, enum snp_source source)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->n; i++)
		n += (roles & ROLE_BIT(pool->list[i].role)) && pool->list[i].source <= SOURCE_SENT;
	return n > 1 || source != SOURCE_GIVEN;
}

/*
 * Find who issued @cert.  The verifier's own certificate counts, right or wrong, unless the
 * sender has the right one.  A certificate from the sender or from the host's table counts only
 * if it is right; else the built-in one does.
 */
static struct snp_candidate *pick_issuer(struct verifier *ctx, struct snp_pool *pool,
					 const struct snp_candidate *cert, unsigned roles,
					 int64_t now)
{
	const X509_NAME *name = X509_get_issuer_name(cert->cert);
	struct snp_candidate *own = pick(pool, roles, SOURCE_GIVEN, name), *c, *sent;
	bool good;

	/* With a single candidate there is nothing to choose, and no signature to check yet. */
	if (own && !has_other(pool, roles, SOURCE_GIVEN))
		return own;
	c = pick_by_name(ctx, pool, cert, roles, SOURCE_GIVEN, now, &good);
	if (good)
		return c;
	sent = pick_by_name(ctx, pool, cert, roles, SOURCE_SENT, now, &good);
	if (good)
		return sent;
	if (own)
		return c ? c : own;
	if (verifier_trust(ctx)->replaced) {
		c = pick(pool, roles, SOURCE_TABLE, name);
		if (c)
			return c;
	}
	c = pick_built_in(ctx, pool, roles, name, now);
	return c ? c : sent ? sent : pick(pool, roles, SOURCE_SENT, name);
}

/*
 * True if @vek is valid now and its issuers lead to a trusted root.  Anybody can make a
 * certificate that only looks right.
 */
static bool is_certified(struct verifier *ctx, struct snp_pool *pool,
			 const struct snp_candidate *vek, int64_t now)
{
	struct snp_candidate *inter = pick_issuer(ctx, pool, vek, ROLES_INTERMEDIATE, now), *ark;

	if (!is_valid_at(vek->cert, now) || !inter || !has_issued(ctx, inter, vek))
		return false;
	ark = pick_issuer(ctx, pool, inter, ROLE_BIT(ROLE_ARK), now);
	return ark && has_issued(ctx, ark, inter);
}

/*
 * Find the candidate of @roles for the report's chip and firmware level.  A chip has a
 * certificate for each level that it ever had.  If several match, a certified one wins, wherever
 * it came from.
 */
static struct snp_candidate *pick_matching(struct verifier *ctx, struct snp_pool *pool,
					   unsigned roles, const struct snp_report *report,
					   int64_t now)
{
	struct snp_candidate *matching[CANDIDATES_MAX], *best = NULL;
	unsigned n = 0, n_before = pool->n;

	for (unsigned source = SOURCE_GIVEN; source <= SOURCE_TABLE; source++)
		for (unsigned i = 0; i < n_before; i++) {
			struct snp_candidate *c = &pool->list[i];
			struct amd_vek vek;
			const char *what;

			if (roles & ROLE_BIT(c->role) && c->source == source &&
			    amd_vek_read(c->cert, &vek, &what) == 0 && amd_vek_is_of(&vek, report))
				matching[n++] = c;
		}
	for (unsigned i = 0; n > 1 && !best && i < n; i++)
		if (is_certified(ctx, pool, matching[i], now))
			best = matching[i];
	return best ? best : n > 0 ? matching[0] : NULL;
}

static unsigned count(const struct snp_pool *pool, unsigned roles)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->n; i++)
		n += (roles & ROLE_BIT(pool->list[i].role)) != 0;
	return n;
}

struct snp_candidate *snp_pool_vek(struct verifier *ctx, struct snp_pool *pool,
				  const struct snp_report *report, int64_t now)
{
	unsigned signing_key = report->signing_key;
	/* A certificate of the wrong kind is chosen last, so that the failure can name it. */
	const unsigned order[] = {
		signing_key == SNP_KEY_VLEK ? ROLE_BIT(ROLE_VLEK) : ROLE_BIT(ROLE_VCEK),
		ROLE_BIT(ROLE_VCEK) | ROLE_BIT(ROLE_VLEK),
		ROLE_BIT(ROLE_OTHER),
	};

	/* Reading the extensions takes time; a single candidate needs no choice. */
	if (count(pool, order[0]) > 1) {
		struct snp_candidate *c = pick_matching(ctx, pool, order[0], report, now);

		if (c)
			return c;
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		for (unsigned source = SOURCE_GIVEN; source <= SOURCE_TABLE; source++) {
			struct snp_candidate *c = pick(pool, order[i], source, NULL);

			if (c)
				return c;
		}
	return NULL;
}

int snp_pool_issuers(struct verifier *ctx, struct snp_pool *pool, const struct snp_candidate *vek,
		     int64_t now, struct verdict *v, struct snp_candidate **ret_inter,
		     struct snp_candidate **ret_ark)
{
	struct snp_candidate *inter, *ark;

	inter = pick_issuer(ctx, pool, vek, ROLES_INTERMEDIATE, now);
	ark = inter ? pick_issuer(ctx, pool, inter, ROLE_BIT(ROLE_ARK), now) : NULL;
	if (!ark)
		return verdict_fail(v, VERDICT_UNDECIDED, "NO_CA", "certificates are there",
				    verdict_text(v, "the certificate of %s",
						 x509_name_text(v, X509_get_issuer_name(
									   inter ? inter->cert :
										   vek->cert))),
				    "neither given nor built in");
	*ret_inter = inter;
	*ret_ark = ark;
	return 0;
}

/* The trusted root of @product: of those at hand, or the built-in one. */
struct snp_candidate *snp_pool_root(struct verifier *ctx, struct snp_pool *pool,
				    enum snp_product product, int64_t now)
{
	char cn[32];

	(void) snprintf(cn, sizeof(cn), "ARK-%s", snp_product_name(product));
	for (const struct amd_ca *ca = amd_cas; ca->common_name; ca++)
		if (streq(ca->common_name, cn))
			(void) add_der(ctx, pool, ca->der, SOURCE_BUILT_IN, now);
	for (unsigned i = 0; i < pool->n; i++) {
		struct snp_candidate *c = &pool->list[i];

		if (c->role == ROLE_ARK && streq(c->cn, cn) && has_issued(ctx, c, c))
			return c;
	}
	return NULL;
}
