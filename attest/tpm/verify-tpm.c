/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tpm/verify-tpm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "attest/evidence-look.h"
#include "attest/x509/spki.h"
#include "attest/x509/x509.h"
#include "crypto/cleanup.h"
#include "crypto/public-key.h"
#include "wire/jspan.h"
#include "wire/tpm-quote.h"

#define KEY_MAX 16384

/* ---- keys ---- */

EVP_PKEY *tpm_rsa_key(const uint8_t *n, size_t n_len)
{
	return rsa_public_key((struct bytes){ n, n_len });
}

/* Read a SubjectPublicKeyInfo in PEM or DER. */
static int parse_public_key(struct bytes text, EVP_PKEY **ret)
{
	uint8_t buf[KEY_MAX];
	struct spki spki;
	ssize_t n;

	if (pem_is(text)) {
		n = pem_next(&text, "PUBLIC KEY", buf, sizeof(buf));
		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		if (pem_next(&text, "PUBLIC KEY", NULL, 0) != 0)
			return -EBADMSG;
		text = (struct bytes){ buf, (size_t)n };
	}
	if (text.len > KEY_MAX || spki_read(text, &spki) < 0 || spki.kind != SPKI_RSA)
		return -EBADMSG;
	*ret = rsa_public_key(spki.number);
	return *ret ? 0 : -ENOMEM;
}

/* ---- the map of PCRs ---- */

/* Read "0" to "23".  A leading zero is refused: it would be a second name for the same PCR. */
static int pcr_index(struct bytes name, unsigned *ret)
{
	unsigned n = 0;

	if (name.len == 0 || name.len > 2 || (name.len == 2 && name.p[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < name.len; i++) {
		if (name.p[i] < '0' || name.p[i] > '9')
			return -EBADMSG;
		n = n * 10 + (unsigned)(name.p[i] - '0');
	}
	if (n >= POLICY_PCRS)
		return -EBADMSG;
	*ret = n;
	return 0;
}

static int parse_pcrs(struct bytes json, struct tpm_pcrs *ret)
{
	struct bytes it, name, value;
	unsigned n;
	int r;

	*ret = (struct tpm_pcrs){ 0 };
	r = jspan_check(json, &it);
	if (r < 0)
		return r;
	while ((r = jspan_next_member(&it, &name, &value)) > 0) {
		if (pcr_index(name, &n) < 0 || jspan_hex(value, ret->value[n], PCR_LEN) < 0)
			return -EBADMSG;
		ret->present |= 1u << n;
	}
	return r;
}

static const char *pcr_list(struct verdict *v, uint32_t pcrs)
{
	char text[POLICY_PCRS * 3 + 8] = "none";
	size_t n = 0;

	for (unsigned i = 0; i < POLICY_PCRS; i++)
		if (pcrs & 1u << i)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", n ? "," : "", i);
	return verdict_text(v, "%s", text);
}

/* ---- the quote ---- */

static bool rsassa_verify(EVP_PKEY *key, struct bytes signature, struct bytes data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	bool good;

	/* EVP_DigestVerify() returns 0 for a wrong signature, less for an error: only 1 is good. */
	good = ctx && EVP_DigestVerifyInit(ctx, &how, EVP_sha256(), NULL, key) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PADDING) == 1 &&
	       EVP_DigestVerify(ctx, signature.p, signature.len, data.p, data.len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static int check_signature(EVP_PKEY *ak, const struct evidence *e, struct verdict *v)
{
	static const char name[] = "TPM quote signature";
	struct bytes file = e->piece[EVIDENCE_SIG], signature;

	if (tpm_signature_rsassa(file.p, file.len, (size_t)EVP_PKEY_get_size(ak), &signature) < 0)
		return verdict_fail(
			v, VERDICT_NOT_AUTHENTIC, "TPM_SIG", name,
			"RSASSA with SHA-256, as long as the key, bare or as TPMT_SIGNATURE",
			verdict_text(v, "%zu other bytes", file.len));
	return verdict_check(v, rsassa_verify(ak, signature, e->piece[EVIDENCE_ATTEST]),
			     VERDICT_NOT_AUTHENTIC, "TPM_SIG", name,
			     "by the attestation key, RSASSA with SHA-256", NULL);
}

static int parse_quote(struct bytes attest, struct verdict *v, struct tpm_quote *ret)
{
	const char *problem = NULL;
	int r;

	r = tpm_quote_parse(attest.p, attest.len, ret, &problem);
	if (r == -ENOMSG)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "TPM_MAGIC", "TPM made this quote",
				    "TPM_GENERATED and a quote",
				    evidence_found(v, attest, problem));
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "TPM_FORMAT", "TPM quote can be read",
				    "a TPMS_ATTEST with a quote",
				    evidence_found(v, attest, problem));
	verdict_pass(v, "TPM made this quote", NULL);
	return 0;
}

static void quote_claims(struct verdict *v, const struct tpm_quote *q)
{
	verdict_claim_hex(v, "tpm.nonce", q->extra.p, q->extra.len);
	verdict_claim_hex(v, "tpm.signer", q->signer.p, q->signer.len);
	verdict_claim_text(v, "tpm.pcrs", pcr_list(v, q->pcrs));
	verdict_claim_number(v, "tpm.clock_ms", q->clock);
	verdict_claim_number(v, "tpm.resets", q->n_resets);
	verdict_claim_number(v, "tpm.restarts", q->n_restarts);
	verdict_claim_number(v, "tpm.firmware", q->firmware);
}

static bool is_one_of(const struct policy_values *want, struct bytes found)
{
	bool good = false;

	for (unsigned i = 0; i < want->n; i++)
		good = good || (want->len[i] == found.len &&
				CRYPTO_memcmp(want->b[i], found.p, found.len) == 0);
	return good;
}

/* The lengths must be equal, too: data that only begin with the nonce are not the nonce. */
static int check_nonce(const struct tpm_quote *q, const struct policy *p, struct verdict *v)
{
	static const char name[] = "quote is over the nonce";

	policy_judged(v, &p->nonce);
	if (p->nonce.n == 0) {
		verdict_skip(v, name, "no nonce was given, so the quote may be old");
		return 0;
	}
	return verdict_check(v, is_one_of(&p->nonce, q->extra), VERDICT_NOT_AUTHENTIC, "NONCE",
			     name, verdict_hex(v, p->nonce.b[0], p->nonce.len[0]),
			     verdict_hex(v, q->extra.p, q->extra.len));
}

/* SHA-256 over the PCRs in ascending order. */
static int hash_pcrs(const struct tpm_pcrs *pcrs, uint8_t ret[static PCR_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (unsigned i = 0; good && i < POLICY_PCRS; i++)
		if (pcrs->present & 1u << i)
			good = EVP_DigestUpdate(ctx, pcrs->value[i], PCR_LEN) == 1;
	good = good && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? 0 : -ENOMEM;
}

/*
 * Check that the claimed PCRs are those that were quoted.  The quote's digest does not tell which
 * PCRs it covers; the quote's selection does.
 */
static int check_pcrs(const struct tpm_quote *q, struct bytes json, struct verdict *v,
		      struct tpm_pcrs *ret)
{
	uint8_t digest[PCR_LEN];
	int r;

	r = parse_pcrs(json, ret);
	if (r < 0)
		return verdict_fail(
			v, VERDICT_MALFORMED, "PCR_FORMAT", "claimed PCRs can be read",
			"a JSON object of numbers 0 to 23 with 64 hexadecimal digits each",
			"something else");
	r = verdict_check(v,
			  q->n_banks == 1 && q->hash == TPM_ALG_SHA256_ID &&
				  q->pcrs == ret->present && ret->present != 0,
			  VERDICT_NOT_AUTHENTIC, "PCR_SELECT", "quote is of the claimed PCRs",
			  verdict_text(v, "SHA-256: %s", pcr_list(v, ret->present)),
			  verdict_text(v, "%u banks, the last %04x: %s", q->n_banks, q->hash,
				       pcr_list(v, q->pcrs)));
	if (r < 0)
		return r;
	r = hash_pcrs(ret, digest);
	if (r < 0)
		return r;
	r = verdict_equal(v, VERDICT_NOT_AUTHENTIC, "PCR_DIGEST", "quote is of the claimed values",
			  q->digest, (struct bytes){ digest, sizeof(digest) });
	for (unsigned i = 0; r == 0 && i < POLICY_PCRS; i++)
		if (ret->present & 1u << i)
			verdict_claim_hex(v, verdict_text(v, "tpm.pcr%u", i), ret->value[i],
					  PCR_LEN);
	return r;
}

int tpm_authenticate(EVP_PKEY *ak, const struct evidence *e, const struct policy *p,
		     struct verdict *v, struct tpm_pcrs *ret)
{
	struct tpm_pcrs pcrs;
	struct tpm_quote q;
	int r;

	r = check_signature(ak, e, v);
	if (r < 0)
		return r;
	r = parse_quote(e->piece[EVIDENCE_ATTEST], v, &q);
	if (r < 0)
		return r;
	quote_claims(v, &q);
	r = check_nonce(&q, p, v);
	if (r < 0)
		return r;
	r = check_pcrs(&q, e->piece[EVIDENCE_PCRS], v, &pcrs);
	if (r < 0)
		return r;
	*ret = pcrs;
	return 0;
}

void tpm_apply_policy(const struct tpm_pcrs *pcrs, const struct policy *p, struct verdict *v)
{
	uint32_t required = p->require_pcrs.set ? (uint32_t)p->require_pcrs.value : 0;

	policy_judged(v, &p->require_pcrs);
	if (required)
		(void) verdict_check(v, (required & ~pcrs->present) == 0, VERDICT_REFUSED,
				     "PCR_MISSING", "required PCRs are quoted",
				     pcr_list(v, required), pcr_list(v, pcrs->present));
	for (unsigned i = 0; i < POLICY_PCRS; i++)
		if (p->pcr[i].n > 0)
			policy_check_values(v, &p->pcr[i], verdict_text(v, "PCR%u", i),
					    verdict_text(v, "PCR %u", i), pcrs->value[i],
					    pcrs->present & 1u << i ? PCR_LEN : 0);
}

void tpm_show(const struct evidence *e, struct verdict *v)
{
	struct bytes attest = e->piece[EVIDENCE_ATTEST];
	const char *problem;
	struct tpm_quote q;

	if (!attest.p)
		return;
	if (tpm_quote_parse(attest.p, attest.len, &q, &problem) < 0)
		(void) verdict_fail(v, VERDICT_MALFORMED, "TPM_FORMAT", "TPM quote can be read",
				    "a TPMS_ATTEST with a quote",
				    evidence_found(v, attest, problem));
	else
		quote_claims(v, &q);
}

/* ---- a quote by itself ---- */

static int verify(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		  int64_t now, struct verdict *v)
{
	_cleanup_(pkey_freep) EVP_PKEY *ak = NULL;
	struct tpm_pcrs pcrs;
	int r;

	r = parse_public_key(e->piece[EVIDENCE_AK], &ak);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		(void) verdict_fail(
			v, VERDICT_MALFORMED, "AK", "attestation key can be used",
			"an RSA public key of 2048 to 4096 bits, exponent 65537, PEM or DER",
			"something else");
		return 0;
	}
	verdict_skip(v, "attestation key is a TPM's",
		     "taken as given: whoever hands it over vouches for it");
	r = tpm_authenticate(ak, e, p, v, &pcrs);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	v->consistent = true;
	tpm_apply_policy(&pcrs, p, v);
	return 0;
}

static int show(const struct evidence *e, struct verdict *v)
{
	tpm_show(e, v);
	return 0;
}

const struct policy_kind policy_tpm = {
	.name = "a TPM",
	.sections = { "tpm" },
	.subjects = ABOUT_TPM,
	.identity = "",
	.proven = "only that its parts fit together",
	.nonce = "nonce",
	.nonce_len = 64,
	.stale = "Freshness was not asked for: this may be an old quote that is shown again "
		 "(--nonce)",
};

const struct attest_verifier attest_verify_tpm = {
	.name = "tpm",
	.what = "TPM 2.0 quote by a given key",
	.needs = EVIDENCE_BIT(EVIDENCE_ATTEST) | EVIDENCE_BIT(EVIDENCE_SIG) |
		 EVIDENCE_BIT(EVIDENCE_PCRS) | EVIDENCE_BIT(EVIDENCE_AK),
	.is_part = true,
	.kinds = { &policy_tpm },
	.verify = verify,
	.show = show,
};
