/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/snp-links.h"

#include <openssl/objects.h>

#include "attest/trust.h"
#include "attest/verifier.h"

/* Each of AMD's names has these parts and a common name, and nothing else. */
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
		const ASN1_STRING *s =
			at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
		size_t len = strlen(parts[i].value);

		if (!s || (size_t)ASN1_STRING_length(s) != len ||
		    memcmp(ASN1_STRING_get0_data(s), parts[i].value, len) != 0)
			return false;
	}
	return true;
}

int snp_check_pin(const struct trust *trust, const struct snp_candidate *ark, struct verdict *v)
{
	uint8_t spki[PIN_LEN];
	const struct trust_pin *pin;
	int r;

	r = x509_spki_sha256(ark->cert, spki);
	if (r < 0)
		return r == -ENOMEM ? r :
				      verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT",
						   "root key is trusted", "a key",
						   "no key that can be read");
	verdict_claim_hex(v, "root.spki_sha256", spki, sizeof(spki));
	pin = trust_find(trust, ROOT_AMD_ARK, spki);
	if (!pin)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PIN", "root key is trusted",
				    trust->replaced ? verdict_text(v, "a key of trust file %s",
								   trust->source) :
						      "a root key of AMD",
				    verdict_text(v, "%s, key %s", ark->cn,
						 verdict_hex(v, spki, sizeof(spki))));
	/* A built-in key belongs to one product. */
	if (pin->kind == ROOT_AMD_ARK && !streq(pin->name, ark->cn))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PRODUCT", "root key is trusted",
				    pin->name, ark->cn);
	verdict_pass(v, "root key is trusted",
		     verdict_text(v, "%s, %s", ark->cn,
				  trust->replaced ? "by the trust file" : "built in"));
	return 0;
}

int snp_check_names(const struct snp_candidate *ark, const struct snp_candidate *inter,
		       const struct snp_candidate *vek, struct verdict *v)
{
	static const char name[] = "names are AMD's and of one product";
	const struct snp_candidate *all[] = { ark, inter, vek };

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
	if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) != 0)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    verdict_text(v, "issued by %s",
						 x509_name_text(v, X509_get_subject_name(issuer))),
				    verdict_text(v, "issued by %s",
						 x509_name_text(v, X509_get_issuer_name(cert))));
	if (!x509_signed_with(cert, X509_SIG_PSS_SHA384))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    "RSASSA-PSS with SHA-384, MGF1 with SHA-384, salt of 48 bytes",
				    "another signature algorithm or other parameters");
	return verdict_check(v, x509_signed_by(cert, issuer, X509_SIG_PSS_SHA384),
			     VERDICT_NOT_AUTHENTIC, "CHAIN", name,
			     "a signature by the issuer's key", NULL);
}

static int check_ca(X509 *cert, const char *name, struct verdict *v)
{
	if (!x509_is_ca(cert))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", name,
				    "a certificate that may sign others",
				    "a certificate that may not");
	return verdict_check(v, x509_key_is(cert, X509_KEY_RSA_4096), VERDICT_NOT_AUTHENTIC,
			     "CHAIN", name, "an RSA key of 4096 bits", NULL);
}

static void release_cert(void *p)
{
	X509_free(p);
}

/* What a certificate proves does not change.  snp_check_dates() looks at the dates each time. */
static void remember(struct verifier *ctx, enum memo_room room,
		     const uint8_t key[static MEMO_KEY_LEN], X509 *cert)
{
	if (!verifier_recall(ctx, key, 0) && X509_up_ref(cert))
		verifier_remember(ctx, room, key,
				  &(struct memo){ cert, release_cert, INT64_MIN, INT64_MAX });
}

int snp_check_cas(struct verifier *ctx, const struct snp_candidate *ark,
		     const struct snp_candidate *inter, int64_t now, struct verdict *v)
{
	uint8_t key[MEMO_KEY_LEN];
	int r;

	r = snp_link_key(LINK_CA, inter, ark, key);
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
	remember(ctx, MEMO_AUTHORITIES, ark->key, ark->cert);
	remember(ctx, MEMO_AUTHORITIES, inter->key, inter->cert);
	remember(ctx, MEMO_AUTHORITIES, key, inter->cert);
	return 0;
}

static const char vek_link[] = "VEK certificate is signed by the intermediate";
static const char vek_leaf[] = "VEK certificate is a leaf with a P-384 key";

static int check_new_vek(const struct snp_candidate *vek, const struct snp_candidate *inter,
			 struct verdict *v)
{
	int r;

	r = check_link(vek->cert, inter->cert, vek_link, v);
	if (r < 0)
		return r;
	if (!x509_is_leaf(vek->cert))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", vek_leaf,
				    "a certificate that signs no others",
				    "the certificate of an authority");
	return verdict_check(v, x509_key_is(vek->cert, X509_KEY_P384), VERDICT_NOT_AUTHENTIC,
			     "CHAIN", vek_leaf, "P-384", NULL);
}

static int check_vek(struct verifier *ctx, const struct snp_candidate *vek,
		     const struct snp_candidate *inter, int64_t now, struct verdict *v)
{
	uint8_t key[MEMO_KEY_LEN];
	int r;

	r = snp_link_key(LINK_VEK, vek, inter, key);
	if (r < 0)
		return r;
	if (verifier_recall(ctx, key, now)) {
		verdict_pass(v, vek_link, "verified before");
		verdict_pass(v, vek_leaf, "verified before");
		return 0;
	}
	r = check_new_vek(vek, inter, v);
	if (r < 0)
		return r;
	remember(ctx, MEMO_DEVICES, vek->key, vek->cert);
	remember(ctx, MEMO_DEVICES, key, vek->cert);
	return 0;
}

int snp_check_links(struct verifier *ctx, const struct snp_candidate *ark,
		    const struct snp_candidate *inter, const struct snp_candidate *vek, int64_t now,
		    struct verdict *v)
{
	int r = snp_check_pin(verifier_trust(ctx), ark, v);

	if (r == 0)
		r = snp_check_names(ark, inter, vek, v);
	if (r == 0)
		r = snp_check_cas(ctx, ark, inter, now, v);
	return r < 0 ? r : check_vek(ctx, vek, inter, now, v);
}

int snp_check_dates(const struct snp_candidate *const *all, size_t n, int64_t now,
		    struct verdict *v)
{
	static const char name[] = "certificates are valid at that time";
	int64_t first = INT64_MIN, last = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		int64_t from, to;

		if (x509_validity(all[i]->cert, &from, &to) < 0)
			return verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT", name, "dates",
					    "dates that cannot be read");
		if (now < from || now > to)
			return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "DATE", name,
					    verdict_text(v, "valid on %s", verdict_time(v, now)),
					    verdict_text(v, "%s is valid from %s to %s", all[i]->cn,
							 verdict_time(v, from),
							 verdict_time(v, to)));
		first = MAX(first, from);
		last = MIN(last, to);
	}
	verdict_pass(v, name,
		     verdict_text(v, "from %s to %s", verdict_time(v, first),
				  verdict_time(v, last)));
	return 0;
}
