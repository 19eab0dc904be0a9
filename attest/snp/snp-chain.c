/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/snp-chain.h"

#include <openssl/objects.h>
#include <stdio.h>

#include "attest/snp/amd-ca.h"
#include "attest/x509/crl-set.h"
#include "attest/trust.h"
#include "attest/x509/x509.h"

enum role {
	ROLE_OTHER,	/* a name that AMD does not give: may be meant as the VEK */
	ROLE_VCEK,
	ROLE_VLEK,
	ROLE_ASK,
	ROLE_ASVK,
	ROLE_ARK,
};

#define ROLE_BIT(role) (1u << (role))
#define ROLES_INTERMEDIATE (ROLE_BIT(ROLE_ASK) | ROLE_BIT(ROLE_ASVK))

enum source {
	SOURCE_GIVEN,	/* the verifier's own */
	SOURCE_SENT,	/* beside the evidence */
	SOURCE_TABLE,	/* in it, of the host's */
	SOURCE_BUILT_IN,
};

struct candidate {
	X509 *cert;	/* a reference of its own */
	uint8_t key[MEMO_KEY_LEN];	/* of its bytes */
	enum role role;
	enum source source;
	char cn[X509_CN_MAX + 1];
	const char *product;	/* into @cn, what follows the role's prefix; "" for leaves */
};

/* Beside what is the verifier's own there is room for others', whatever that is. */
#define CANDIDATES_OWN_MAX 96
#define CANDIDATES_MAX (CANDIDATES_OWN_MAX + 32)

struct pool {
	struct candidate list[CANDIDATES_MAX];
	unsigned n;
};

static void pool_done(struct pool *pool)
{
	while (pool->n > 0)
		X509_free(pool->list[--pool->n].cert);
}

void snp_chain_done(struct snp_chain *c)
{
	X509_free(c->vek);
	*c = (struct snp_chain){ 0 };
}

/* ---- collecting ---- */

static enum role role_of(const char *cn, const char **ret_product)
{
	static const struct {
		const char *prefix;
		bool whole;
		enum role role;
	} names[] = {
		{ "SEV-VCEK", true, ROLE_VCEK },   { "SEV-VLEK", true, ROLE_VLEK }, { "SEV-VLEK-", false, ROLE_ASVK },
		{ "SEV-", false, ROLE_ASK },	   { "ARK-", false, ROLE_ARK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *rest = startswith(cn, names[i].prefix);
		enum snp_product product;

		if (!rest ||
		    (names[i].whole ? *rest : snp_product_by_name(rest, strlen(rest), &product) < 0))
			continue;
		*ret_product = rest;
		return names[i].role;
	}
	*ret_product = "";
	return ROLE_OTHER;
}

/*
 * A certificate that was verified before need not be parsed again: decoding its key takes as
 * long as using it.
 */
static int add_der(struct verifier *ctx, struct pool *pool, struct bytes der, enum source source,
		   int64_t now)
{
	struct candidate *c = &pool->list[pool->n];
	X509 *known;
	int r;

	if (pool->n == (source == SOURCE_GIVEN ? CANDIDATES_OWN_MAX : CANDIDATES_MAX))
		return -EMSGSIZE;
	r = memo_key("snp-cert", &der, 1, c->key);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < pool->n; i++)
		if (memcmp(pool->list[i].key, c->key, MEMO_KEY_LEN) == 0)
			return 0;
	known = verifier_recall(ctx, c->key, now);
	if (known) {
		if (!X509_up_ref(known))
			return -ENOMEM;
		c->cert = known;
	} else {
		r = x509_parse_der(der, &c->cert);
		if (r < 0)
			return r;
	}
	if (x509_common_name(X509_get_subject_name(c->cert), c->cn) < 0)
		c->cn[0] = '\0';
	c->role = role_of(c->cn, &c->product);
	c->source = source;
	pool->n++;
	return 0;
}

static int add_blob(struct verifier *ctx, struct pool *pool, struct bytes blob, enum source source,
		    int64_t now)
{
	_cleanup_(freep) uint8_t *der = NULL;
	ssize_t n, found = 0;
	int r = 0;

	if (!pem_is(blob))
		return add_der(ctx, pool, blob, source, now);
	der = malloc(EVIDENCE_CERT_LEN_MAX);
	if (!der)
		return -ENOMEM;
	while (r == 0 && (n = pem_next(&blob, "CERTIFICATE", der, EVIDENCE_CERT_LEN_MAX)) != 0) {
		r = n < 0 ? (int)n : add_der(ctx, pool, (struct bytes){ der, (size_t)n }, source, now);
		found++;
	}
	return r == 0 && found == 0 ? -EBADMSG : r;
}

static int collect_given(struct verifier *ctx, struct pool *pool, const struct evidence *e,
			 bool sent, int64_t now, struct verdict *v)
{
	for (unsigned i = 0; i < e->n_certs; i++) {
		int r;

		if (e->cert_sent[i] != sent)
			continue;
		r = add_blob(ctx, pool, e->cert[i], sent ? SOURCE_SENT : SOURCE_GIVEN, now);
		if (r == 0)
			continue;
		if (r != -EBADMSG && r != -EMSGSIZE)
			return r;
		if (!sent)
			return verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT",
					    "certificates are well-formed",
					    r == -EMSGSIZE ? verdict_text(v, "%d of them at most", CANDIDATES_OWN_MAX) :
							     "certificates in DER or PEM and nothing else",
					    verdict_text(v, "certificate file %u is not", i + 1));
		verdict_skip(v, "certificates are well-formed",
			     verdict_text(v, "certificate %u was sent with the evidence, and is malformed or too much: not used", i + 1));
	}
	return 0;
}

static int collect_table(struct verifier *ctx, struct pool *pool, const struct snp_table *table,
			 int64_t now, struct verdict *v)
{
	static const enum snp_table_kind kinds[] = { SNP_TABLE_VCEK, SNP_TABLE_VLEK, SNP_TABLE_ASK, SNP_TABLE_ARK };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool is_vek = kinds[i] == SNP_TABLE_VCEK || kinds[i] == SNP_TABLE_VLEK;
		const char *name = snp_table_kind_name(kinds[i]);
		unsigned before = pool->n;
		int r;

		if (!table->piece[kinds[i]].p)
			continue;
		r = add_blob(ctx, pool, table->piece[kinds[i]], SOURCE_TABLE, now);
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
			     "it is malformed, and only a hint: not used");
	}
	return 0;
}

static bool same_name(const X509_NAME *a, const X509_NAME *b)
{
	return X509_NAME_cmp(a, b) == 0;
}

/* The first of @roles and @source; one with the subject @name if there is any. */
static struct candidate *pick(struct pool *pool, unsigned roles, enum source source,
			      const X509_NAME *name)
{
	struct candidate *first = NULL;

	for (unsigned i = 0; i < pool->n; i++) {
		struct candidate *c = &pool->list[i];

		if (!(roles & ROLE_BIT(c->role)) || c->source != source)
			continue;
		if (!name || same_name(X509_get_subject_name(c->cert), name))
			return c;
		if (!first)
			first = c;
	}
	return first;
}

static struct candidate *pick_built_in(struct verifier *ctx, struct pool *pool, unsigned roles,
				       const X509_NAME *name, int64_t now)
{
	char cn[X509_CN_MAX + 1];
	struct candidate *c;

	if (x509_common_name(name, cn) < 0)
		return NULL;
	for (const struct amd_ca *ca = amd_cas; ca->common_name; ca++)
		if (streq(ca->common_name, cn) &&
		    add_der(ctx, pool, ca->der, SOURCE_BUILT_IN, now) == 0)
			break;
	/* The same bytes may have come from the table. */
	c = pick(pool, roles, SOURCE_BUILT_IN, name);
	return c && same_name(X509_get_subject_name(c->cert), name) ? c : pick(pool, roles, SOURCE_TABLE, name);
}

static bool is_valid_at(X509 *cert, int64_t now)
{
	return x509_valid_at(cert, now) == 0;
}

/* True if @issuer's key signed @cert; a root key must be trusted before it is used. */
static bool has_issued(struct verifier *ctx, const struct candidate *issuer, X509 *cert)
{
	uint8_t spki[PIN_LEN];

	if (issuer->role == ROLE_ARK && (x509_spki_sha256(issuer->cert, spki) < 0 ||
					 !trust_find(verifier_trust(ctx), ROOT_AMD_ARK, spki)))
		return false;
	return x509_issued_by(cert, issuer->cert, X509_SIG_PSS_SHA384);
}

/*
 * Of several of @source by the name of @cert's issuer the one that issued it, valid now and the
 * newest if there is a choice.  @ret_good: one was found.  NULL when there is none by that name.
 */
static struct candidate *pick_by_name(struct verifier *ctx, struct pool *pool, X509 *cert,
				      unsigned roles, enum source source, int64_t now,
				      bool *ret_good)
{
	struct candidate *best = NULL, *first = NULL;

	for (unsigned i = 0; i < pool->n; i++) {
		struct candidate *c = &pool->list[i];

		if (!(roles & ROLE_BIT(c->role)) || c->source != source ||
		    !same_name(X509_get_subject_name(c->cert), X509_get_issuer_name(cert)))
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

/* True if there is something to choose from. */
static bool has_other(const struct pool *pool, unsigned roles, enum source source)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->n; i++)
		n += (roles & ROLE_BIT(pool->list[i].role)) && pool->list[i].source <= SOURCE_SENT;
	return n > 1 || source != SOURCE_GIVEN;
}

/*
 * Who issued @cert.  What the verifier has itself counts, right or wrong, unless the sender has
 * what is right.  A sender's, and a host's in the table, counts when it is right; else the
 * built-in one does.
 */
static struct candidate *pick_issuer(struct verifier *ctx, struct pool *pool, X509 *cert,
				     unsigned roles, int64_t now)
{
	const X509_NAME *name = X509_get_issuer_name(cert);
	struct candidate *own = pick(pool, roles, SOURCE_GIVEN, name), *c, *sent;
	bool good;

	/* One needs no choice, and takes no time. */
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

/* True if it is valid now, and its issuers lead to a trusted root: what anybody could make is no choice. */
static bool is_certified(struct verifier *ctx, struct pool *pool, X509 *vek, int64_t now)
{
	struct candidate *inter = pick_issuer(ctx, pool, vek, ROLES_INTERMEDIATE, now), *ark;

	if (!is_valid_at(vek, now) || !inter || !has_issued(ctx, inter, vek))
		return false;
	ark = pick_issuer(ctx, pool, inter->cert, ROLE_BIT(ROLE_ARK), now);
	return ark && has_issued(ctx, ark, inter->cert);
}

/*
 * The one of @roles that is of the report's chip and firmware level; a chip has a certificate
 * for each level that it ever had.  Of several one that is certified, whoever it is from.
 */
static struct candidate *pick_matching(struct verifier *ctx, struct pool *pool, unsigned roles,
				       const struct snp_report *report, int64_t now)
{
	struct candidate *matching[CANDIDATES_MAX], *best = NULL;
	unsigned n = 0, n_before = pool->n;

	for (unsigned source = SOURCE_GIVEN; source <= SOURCE_TABLE; source++)
		for (unsigned i = 0; i < n_before; i++) {
			struct candidate *c = &pool->list[i];
			struct amd_vek vek;
			const char *what;

			if (roles & ROLE_BIT(c->role) && c->source == source &&
			    amd_vek_read(c->cert, &vek, &what) == 0 && amd_vek_is_of(&vek, report))
				matching[n++] = c;
		}
	for (unsigned i = 0; n > 1 && !best && i < n; i++)
		if (is_certified(ctx, pool, matching[i]->cert, now))
			best = matching[i];
	return best ? best : n > 0 ? matching[0] : NULL;
}

static unsigned count(const struct pool *pool, unsigned roles)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->n; i++)
		n += (roles & ROLE_BIT(pool->list[i].role)) != 0;
	return n;
}

static struct candidate *pick_vek(struct verifier *ctx, struct pool *pool,
				  const struct snp_report *report, int64_t now)
{
	unsigned signing_key = report->signing_key;
	/* Another kind than the report's is better than none: then the words are about that. */
	const unsigned order[] = {
		signing_key == SNP_KEY_VLEK ? ROLE_BIT(ROLE_VLEK) : ROLE_BIT(ROLE_VCEK),
		ROLE_BIT(ROLE_VCEK) | ROLE_BIT(ROLE_VLEK),
		ROLE_BIT(ROLE_OTHER),
	};

	/* Reading them takes time, and one needs no choice. */
	if (count(pool, order[0]) > 1) {
		struct candidate *c = pick_matching(ctx, pool, order[0], report, now);

		if (c)
			return c;
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		for (unsigned source = SOURCE_GIVEN; source <= SOURCE_TABLE; source++) {
			struct candidate *c = pick(pool, order[i], source, NULL);

			if (c)
				return c;
		}
	return NULL;
}

/* ---- the links ---- */

/* All of AMD's names are this and a common name. */
static bool is_amd_name(const X509_NAME *name)
{
	static const struct {
		int nid;
		const char *value;
	} parts[] = {
		{ NID_organizationalUnitName, "Engineering" },
		{ NID_countryName, "US" },
		{ NID_localityName, "Santa Clara" },
		{ NID_stateOrProvinceName, "CA" },
		{ NID_organizationName, "Advanced Micro Devices" },
	};

	if (X509_NAME_entry_count(name) != ARRAY_SIZE(parts) + 1)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int at = X509_NAME_get_index_by_NID((X509_NAME *)name, parts[i].nid, -1);
		const ASN1_STRING *s = at < 0 ? NULL :
						X509_NAME_ENTRY_get_data(
							X509_NAME_get_entry(name, at));
		size_t len = strlen(parts[i].value);

		if (!s || (size_t)ASN1_STRING_length(s) != len ||
		    memcmp(ASN1_STRING_get0_data(s), parts[i].value, len) != 0)
			return false;
	}
	return true;
}

static int check_pin(const struct trust *trust, const struct candidate *ark, struct verdict *v)
{
	uint8_t spki[PIN_LEN];
	const struct trust_pin *pin;
	int r;

	r = x509_spki_sha256(ark->cert, spki);
	if (r < 0)
		return r == -ENOMEM ? r :
				      verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT",
						   "root key is trusted", "a key", "none");
	verdict_claim_hex(v, "root.spki_sha256", spki, sizeof(spki));
	pin = trust_find(trust, ROOT_AMD_ARK, spki);
	if (!pin)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PIN", "root key is trusted",
				    trust->replaced ? verdict_text(v, "a key of trust file %s",
								   trust->source) :
						      "a root key of AMD",
				    verdict_text(v, "%s, key %s", ark->cn,
						 verdict_hex(v, spki, sizeof(spki))));
	/* A built-in key is that of one product. */
	if (pin->kind == ROOT_AMD_ARK && !streq(pin->name, ark->cn))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PRODUCT", "root key is trusted",
				    pin->name, ark->cn);
	verdict_pass(v, "root key is trusted",
		     verdict_text(v, "%s, %s", ark->cn,
				  trust->replaced ? "by the trust file" : "built in"));
	return 0;
}

static int check_names(const struct candidate *ark, const struct candidate *inter,
		       const struct candidate *vek, struct verdict *v)
{
	static const char name[] = "names are AMD's and of one product";
	const struct candidate *all[] = { ark, inter, vek };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (!is_amd_name(X509_get_subject_name(all[i]->cert)) ||
		    !is_amd_name(X509_get_issuer_name(all[i]->cert)))
			return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
					    "subject and issuer as AMD writes them",
					    x509_name_text(v, X509_get_subject_name(all[i]->cert)));
	if (!streq(ark->product, inter->product))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    verdict_text(v, "an intermediate of %s", ark->product),
				    inter->cn);
	verdict_pass(v, name, verdict_text(v, "%s, %s, %s", ark->cn, inter->cn, vek->cn));
	return 0;
}

static int check_link(X509 *cert, X509 *issuer, const char *name, struct verdict *v)
{
	if (!same_name(X509_get_issuer_name(cert), X509_get_subject_name(issuer)))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    verdict_text(v, "issued by %s",
						 x509_name_text(v, X509_get_subject_name(issuer))),
				    verdict_text(v, "issued by %s",
						 x509_name_text(v, X509_get_issuer_name(cert))));
	if (!x509_signed_with(cert, X509_SIG_PSS_SHA384))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    "RSASSA-PSS with SHA-384, MGF1 with SHA-384, salt of 48 bytes",
				    "another signature algorithm or other parameters");
	return verdict_check(v, X509_verify(cert, X509_get0_pubkey(issuer)) == 1,
			     VERDICT_NOT_AUTHENTIC, "CHAIN", name,
			     "a signature by the issuer's key", NULL);
}

static int check_ca(X509 *cert, const char *name, struct verdict *v)
{
	if (!x509_is_ca(cert))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    "a certificate that may sign others", "it may not");
	return verdict_check(v, x509_key_is(cert, X509_KEY_RSA_4096), VERDICT_NOT_AUTHENTIC,
			     "CHAIN", name, "an RSA key of 4096 bits", NULL);
}

static int link_key(const struct candidate *inter, const struct candidate *ark,
		    uint8_t ret[static MEMO_KEY_LEN])
{
	const struct bytes both[] = { { inter->key, MEMO_KEY_LEN }, { ark->key, MEMO_KEY_LEN } };

	return memo_key("snp-link", both, ARRAY_SIZE(both), ret);
}

static void release_cert(void *p)
{
	X509_free(p);
}

/* Certificates and what they prove do not change; their dates are looked at each time. */
static void remember(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], X509 *cert)
{
	if (!verifier_recall(ctx, key, 0) && X509_up_ref(cert))
		verifier_remember(ctx, key, cert, release_cert, INT64_MIN, INT64_MAX);
}

static int check_cas(struct verifier *ctx, const struct candidate *ark,
		     const struct candidate *inter, int64_t now, struct verdict *v)
{
	uint8_t key[MEMO_KEY_LEN];
	int r;

	r = link_key(inter, ark, key);
	if (r < 0)
		return r;
	if (verifier_recall(ctx, key, now)) {
		verdict_pass(v, "signatures from the root to the intermediate", "verified before");
		return 0;
	}
	r = check_ca(ark->cert, "root certificate is an authority's", v);
	if (r == 0)
		r = check_ca(inter->cert, "intermediate certificate is an authority's", v);
	if (r == 0)
		r = check_link(ark->cert, ark->cert, "root certificate is signed by itself", v);
	if (r == 0)
		r = check_link(inter->cert, ark->cert,
			       "intermediate certificate is signed by the root", v);
	if (r < 0)
		return r;
	remember(ctx, ark->key, ark->cert);
	remember(ctx, inter->key, inter->cert);
	remember(ctx, key, inter->cert);
	return 0;
}

static int check_vek(const struct candidate *vek, const struct candidate *inter, struct verdict *v)
{
	static const char name[] = "VEK certificate is a leaf with a P-384 key";
	int r;

	r = check_link(vek->cert, inter->cert, "VEK certificate is signed by the intermediate", v);
	if (r < 0)
		return r;
	if (!x509_is_leaf(vek->cert))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    "a certificate that signs no others", "it is an authority's");
	return verdict_check(v, x509_key_is(vek->cert, X509_KEY_P384), VERDICT_NOT_AUTHENTIC,
			     "CHAIN", name, "P-384", NULL);
}

static int check_dates(const struct candidate *const *all, size_t n, int64_t now, struct verdict *v)
{
	static const char name[] = "certificates are valid at that time";
	int64_t first = INT64_MIN, last = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		int64_t from, to;

		if (x509_validity(all[i]->cert, &from, &to) < 0)
			return verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT", name, "dates",
					    "none that can be read");
		if (now < from || now > to)
			return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "DATE", name,
					    verdict_text(v, "valid on %s", verdict_time(v, now)),
					    verdict_text(v, "%s is valid from %s to %s", all[i]->cn,
							 verdict_time(v, from), verdict_time(v, to)));
		first = MAX(first, from);
		last = MIN(last, to);
	}
	verdict_pass(v, name,
		     verdict_text(v, "from %s to %s", verdict_time(v, first), verdict_time(v, last)));
	return 0;
}

/* ---- revocation ---- */

/* The serial number of every VEK is 0: no list can name one. */
static int check_crls(struct verifier *ctx, const struct evidence *e, const struct snp_table *table,
		      const struct policy *p, const struct candidate *ark,
		      const struct candidate *inter, const struct candidate *vek, int64_t now,
		      struct verdict *v)
{
	_cleanup_(crl_set_done) struct crl_set s = { .n = 0 };
	struct bytes lists[CRL_SET_MAX];
	bool sent[CRL_SET_MAX], revoked;
	bool required = policy_requires(v, p, REQUIRE_CRL);
	unsigned n = e->n_crls;
	uint8_t spki[PIN_LEN];
	struct crl_issuer by = { ark->cert, X509_SIG_PSS_SHA384, "revocation list is AMD's and current",
				 vek->role == ROLE_VLEK ? "crl-vlek" : "crl-vcek", spki };
	int r;

	memcpy(lists, e->crl, n * sizeof(lists[0]));
	memcpy(sent, e->crl_sent, n * sizeof(sent[0]));
	if (table->piece[SNP_TABLE_CRL].p) {
		lists[n] = table->piece[SNP_TABLE_CRL];
		sent[n++] = true;
	}
	if (n == 0 && required)
		return verdict_fail(v, VERDICT_UNDECIDED, "CRL_MISSING",
				    "intermediate is not revoked", "a revocation list", "not given");
	if (n == 0) {
		verdict_skip(v, "intermediate is not revoked", "no revocation list was given");
		return 0;
	}
	r = x509_spki_sha256(ark->cert, spki);
	if (r == 0)
		r = crl_set_collect(&s, ctx, &by, lists, sent, n, v);
	if (r < 0)
		return r;
	revoked = crl_set_has(&s, inter->cert) || crl_set_has(&s, ark->cert);
	if (revoked)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CRL_REVOKED",
				    "intermediate is not revoked", "not on AMD's revocation list",
				    verdict_text(v, "%s is on it",
						 crl_set_has(&s, inter->cert) ? inter->cn : ark->cn));
	r = crl_set_check(&s, ctx, &by, now, v);
	if (r < 0)
		return r;
	verdict_pass(v, "intermediate is not revoked", inter->cn);
	return 0;
}

/* ---- the whole ---- */

static int check_kind(const struct candidate *vek, const struct candidate *inter,
		      unsigned signing_key, struct verdict *v)
{
	bool is_vlek = signing_key == SNP_KEY_VLEK;
	const char *want = is_vlek ? "SEV-VLEK" : "SEV-VCEK";

	if (vek->role != (is_vlek ? ROLE_VLEK : ROLE_VCEK))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "KEYTYPE",
				    "certificate is of the kind that signed the report", want,
				    vek->cn[0] ? vek->cn : "no common name");
	if (inter && inter->role != (is_vlek ? ROLE_ASVK : ROLE_ASK))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "KEYTYPE",
				    "certificate is of the kind that signed the report",
				    is_vlek ? "an ASVK above it" : "an ASK above it", inter->cn);
	if (inter)
		verdict_pass(v, "certificate is of the kind that signed the report", vek->cn);
	return 0;
}

static int read_extensions(const struct candidate *vek, const struct candidate *ark,
			   struct amd_vek *ret, struct verdict *v)
{
	static const char name[] = "VEK certificate has AMD's extensions";
	bool is_vlek = vek->role == ROLE_VLEK;
	const char *what;
	int r;

	r = amd_vek_read(vek->cert, ret, &what);
	if (r == -ENOENT)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PRODUCT",
				    "product of certificate and root", ark->product,
				    ret->product_name);
	if (r < 0)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "VEK_EXT", name,
				    "each that belongs there, once and well-formed",
				    verdict_text(v, "%s is not", what));
	if (!streq(snp_product_name(ret->product), ark->product))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PRODUCT",
				    "product of certificate and root", ark->product,
				    ret->product_name);
	verdict_pass(v, "product of certificate and root", ret->product_name);
	if (ret->has_csp_id != is_vlek)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "VEK_EXT", name,
				    is_vlek ? "cspID in a VLEK" : "no cspID in a VCEK",
				    ret->has_csp_id ? ret->csp_id : "none");
	/* A VLEK is of a provider, not of a chip. */
	if (is_vlek && ret->has_hwid)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "HWID", name, "no hwID in a VLEK", "one");
	if (!is_vlek && !ret->has_hwid)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "VEK_EXT", name, "hwID in a VCEK",
				    "none");
	verdict_pass(v, name, is_vlek ? ret->csp_id : NULL);
	return 0;
}

/* Why none is there, and who has it: the report says all that one must ask AMD with, or what it lacks. */
static const char *vek_source(struct verdict *v, const struct snp_report *r)
{
	struct bytes chip = { r->chip_id, SNP_CHIP_ID_LEN };
	enum snp_product product;
	char fmc[24] = "";
	struct snp_tcb t;

	if (r->signing_key == SNP_KEY_VLEK)
		return "none was given; AMD gives a VLEK to the provider alone, whose host has it in the certificate table of the extended report (--cert-table)";
	if (bytes_all_zero(&chip))
		return "none was given, and AMD cannot be asked: the report does not say of which chip it is (it is masked)";
	if (snp_product_by_cpuid(r->family, r->model, &product) < 0)
		return "none was given; a report of version 2 does not say of which product it is: 'cococtl attest fetch' needs --product";
	t = snp_tcb_decode(product, r->reported_tcb);
	if (snp_tcb_has(product, SNP_TCB_FMC))
		(void) snprintf(fmc, sizeof(fmc), "fmcSPL=%02u&", t.svn[SNP_TCB_FMC]);
	return verdict_text(v,
			    "none was given; AMD has it at https://kdsintf.amd.com/vcek/v1/%s/%s?%sblSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u",
			    snp_product_name(product),
			    verdict_hex(v, r->chip_id, snp_chip_id_len(product)), fmc,
			    t.svn[SNP_TCB_BOOTLOADER], t.svn[SNP_TCB_TEE], t.svn[SNP_TCB_SNP],
			    t.svn[SNP_TCB_MICROCODE]);
}

static int find(struct verifier *ctx, struct pool *pool, const struct snp_report *report,
		int64_t now, struct verdict *v, struct candidate **ret_ark,
		struct candidate **ret_inter, struct candidate **ret_vek)
{
	struct candidate *ark, *inter, *vek = pick_vek(ctx, pool, report, now);
	int r;

	if (!vek)
		return verdict_fail(v, VERDICT_UNDECIDED, "NO_VEK", "certificates are there",
				    report->signing_key == SNP_KEY_VLEK ? "a VLEK certificate" :
									  "a VCEK certificate",
				    vek_source(v, report));
	r = check_kind(vek, NULL, report->signing_key, v);
	if (r < 0)
		return r;
	inter = pick_issuer(ctx, pool, vek->cert, ROLES_INTERMEDIATE, now);
	ark = inter ? pick_issuer(ctx, pool, inter->cert, ROLE_BIT(ROLE_ARK), now) : NULL;
	if (!ark)
		return verdict_fail(v, VERDICT_UNDECIDED, "NO_CA", "certificates are there",
				    verdict_text(v, "the certificate of %s",
						 x509_name_text(v, X509_get_issuer_name(
									   inter ? inter->cert :
										   vek->cert))),
				    "neither given nor built in");
	*ret_ark = ark;
	*ret_inter = inter;
	*ret_vek = vek;
	return 0;
}

int snp_chain_verify(struct verifier *ctx, const struct evidence *e, const struct snp_table *table,
		     const struct policy *p, const struct snp_report *report, int64_t now,
		     struct verdict *v, struct snp_chain *ret)
{
	_cleanup_(pool_done) struct pool pool = { .n = 0 };
	struct candidate *ark = NULL, *inter = NULL, *vek = NULL;
	struct amd_vek extensions;
	int r;

	r = collect_given(ctx, &pool, e, /* sent= */ false, now, v);
	if (r == 0)
		r = collect_given(ctx, &pool, e, /* sent= */ true, now, v);
	if (r == 0)
		r = collect_table(ctx, &pool, table, now, v);
	if (r == 0)
		r = find(ctx, &pool, report, now, v, &ark, &inter, &vek);
	if (r == 0)
		r = check_pin(verifier_trust(ctx), ark, v);
	if (r == 0)
		r = check_names(ark, inter, vek, v);
	if (r == 0)
		r = check_cas(ctx, ark, inter, now, v);
	if (r == 0)
		r = check_vek(vek, inter, v);
	if (r == 0)
		r = check_kind(vek, inter, report->signing_key, v);
	if (r == 0)
		r = check_dates((const struct candidate *const[]){ ark, inter, vek }, 3, now, v);
	if (r == 0)
		r = check_crls(ctx, e, table, p, ark, inter, vek, now, v);
	if (r == 0)
		r = read_extensions(vek, ark, &extensions, v);
	if (r < 0)
		return r;
	if (!X509_up_ref(vek->cert))
		return -ENOMEM;
	*ret = (struct snp_chain){ vek->cert, vek->role == ROLE_VLEK ? SNP_KEY_VLEK : SNP_KEY_VCEK, extensions };
	return 0;
}

/* ---- a file alone ---- */

static int no_issuer(struct verdict *v, const X509_NAME *name)
{
	return verdict_fail(v, VERDICT_UNDECIDED, "NO_CA", "certificates are there",
			    verdict_text(v, "the certificate of %s", x509_name_text(v, name)),
			    "neither given nor built in");
}

static int check_vek_file(struct verifier *ctx, struct pool *pool, int64_t now, struct verdict *v)
{
	struct candidate *vek = &pool->list[0], *inter, *ark;
	int r;

	inter = pick_issuer(ctx, pool, vek->cert, ROLES_INTERMEDIATE, now);
	ark = inter ? pick_issuer(ctx, pool, inter->cert, ROLE_BIT(ROLE_ARK), now) : NULL;
	if (!ark)
		return no_issuer(v, X509_get_issuer_name(inter ? inter->cert : vek->cert));
	r = check_pin(verifier_trust(ctx), ark, v);
	if (r == 0)
		r = check_names(ark, inter, vek, v);
	if (r == 0)
		r = check_cas(ctx, ark, inter, now, v);
	if (r == 0)
		r = check_vek(vek, inter, v);
	return r < 0 ? r : check_dates((const struct candidate *const[]){ ark, inter, vek }, 3, now, v);
}

static int check_chain_file(struct verifier *ctx, struct pool *pool, int64_t now, struct verdict *v)
{
	struct candidate *inter = &pool->list[0], *ark = &pool->list[1];
	int r;

	if (pool->n < 2 || ark->source != SOURCE_GIVEN)
		return verdict_fail(v, VERDICT_MALFORMED, "CHAIN", "certificates are there", "two of them", "less");
	r = check_pin(verifier_trust(ctx), ark, v);
	if (r == 0)
		r = check_names(ark, inter, inter, v);
	if (r == 0)
		r = check_cas(ctx, ark, inter, now, v);
	return r < 0 ? r : check_dates((const struct candidate *const[]){ ark, inter }, 2, now, v);
}

/* The trusted root of @product: of those at hand, or the built-in one. */
static struct candidate *find_root(struct verifier *ctx, struct pool *pool, enum snp_product product, int64_t now)
{
	char cn[32];

	(void) snprintf(cn, sizeof(cn), "ARK-%s", snp_product_name(product));
	for (const struct amd_ca *ca = amd_cas; ca->common_name; ca++)
		if (streq(ca->common_name, cn))
			(void) add_der(ctx, pool, ca->der, SOURCE_BUILT_IN, now);
	for (unsigned i = 0; i < pool->n; i++) {
		struct candidate *c = &pool->list[i];

		if (c->role == ROLE_ARK && streq(c->cn, cn) && has_issued(ctx, c, c->cert))
			return c;
	}
	return NULL;
}

static int check_crl_file(struct verifier *ctx, struct pool *pool, enum snp_product product,
			  bool vlek, struct bytes data, int64_t now, struct verdict *v,
			  struct newest_entry *ret)
{
	_cleanup_(crl_set_done) struct crl_set s = { .n = 0 };
	struct candidate *ark = find_root(ctx, pool, product, now);
	const bool sent = false;
	struct crl_issuer by;
	uint8_t spki[PIN_LEN];
	int r;

	if (!ark)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PIN", "root key is trusted",
				    verdict_text(v, "a trusted key of ARK-%s", snp_product_name(product)), "none at hand");
	r = x509_spki_sha256(ark->cert, spki);
	if (r < 0)
		return r;
	by = (struct crl_issuer){ ark->cert, X509_SIG_PSS_SHA384, "revocation list is AMD's and current",
				  vlek ? "crl-vlek" : "crl-vcek", spki };
	r = crl_set_collect(&s, ctx, &by, &data, &sent, 1, v);
	if (r == 0)
		r = crl_set_check(&s, ctx, &by, now, v);
	if (r == 0)
		crl_entry(s.newest, &by, ret);
	return r;
}

int snp_check_file(struct verifier *ctx, enum snp_product product, bool vlek, enum snp_file file,
		   struct bytes data, const struct evidence *beside, int64_t now, struct verdict *v,
		   struct newest_entry *ret)
{
	_cleanup_(pool_done) struct pool pool = { .n = 0 };
	int r = 0;

	if (file != SNP_FILE_CRL)
		r = add_blob(ctx, &pool, data, SOURCE_GIVEN, now);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT", "certificates are well-formed",
				    "certificates in DER or PEM and nothing else", "something else");
	for (unsigned i = 0; i < beside->n_certs; i++)
		if (add_blob(ctx, &pool, beside->cert[i], SOURCE_SENT, now) == -ENOMEM)
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

/* ---- claims ---- */

const char *snp_tcb_text(struct verdict *v, enum snp_product product, const struct snp_tcb *tcb)
{
	char text[SNP_TCB_TEXT_LEN];

	snp_tcb_format(product, tcb, text);
	return verdict_text(v, "%s", text);
}

void snp_chain_claims(struct verdict *v, X509 *vek)
{
	char cn[X509_CN_MAX + 1];
	struct amd_vek ext;
	int64_t from, to;
	const char *what;

	if (x509_common_name(X509_get_subject_name(vek), cn) == 0)
		verdict_claim_text(v, "vek.name", verdict_text(v, "%s", cn));
	if (x509_common_name(X509_get_issuer_name(vek), cn) == 0)
		verdict_claim_text(v, "vek.issuer", verdict_text(v, "%s", cn));
	if (x509_validity(vek, &from, &to) == 0) {
		verdict_claim_time(v, "vek.not_before", from);
		verdict_claim_time(v, "vek.not_after", to);
	}
	if (amd_vek_read(vek, &ext, &what) < 0)
		return;
	verdict_claim_text(v, "vek.product", verdict_text(v, "%s", ext.product_name));
	verdict_claim_text(v, "vek.tcb", snp_tcb_text(v, ext.product, &ext.tcb));
	if (ext.has_hwid)
		verdict_claim_hex(v, "vek.hwid", ext.hwid, snp_chip_id_len(ext.product));
	if (ext.has_csp_id)
		verdict_claim_text(v, "vek.csp_id", verdict_text(v, "%s", ext.csp_id));
}
