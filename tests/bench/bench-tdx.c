/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs to verify a TDX quote, beside three floors, in the same run: the signatures and
 * hashes alone, with keys that are decoded before; those with OpenSSL's own reading of
 * certificates and lists; and ten signatures, for comparison with what others publish.
 *
 *	bench-tdx [--rounds=N] QUOTE TCB_INFO QE_IDENTITY TCB_CHAIN QE_CHAIN ROOT_CRL PCK_CRL
 *
 * The lists are DER, and everything is valid on 2026-01-20.  Nothing is asserted.
 */
#include <openssl/evp.h>

#include "attest/tdx/intel-certs.h"
#include "attest/tdx/p256.h"
#include "attest/tdx/tdx-collateral.h"
#include "attest/policy.h"
#include "attest/tdx/verify-tdx.h"
#include "base/log.h"
#include "crypto/cleanup.h"
#include "tests/bench/turns.h"

#define NOW 1768867200	/* 2026-01-20 */

struct input {
	struct evidence e;
	struct trust trust;
	struct policies policy;
	struct verifier *warm;
	struct verdict *verdict;
	/* For the floor: the parts of the evidence. */
	struct tdx_quote quote;
	struct pck_chain chain;
	struct bytes der[4];		/* PCK certificate, CA, root, TCB signing */
	EVP_PKEY *ca_key;
	struct tdx_tcb_info tcb_info;
	struct tdx_qe_identity qe_identity;
	struct bare_signature signatures[10];	/* the first three are of this quote */
};

enum { LEAF, CA, ROOT, SIGNING };

static void hash_collateral(const struct input *in)
{
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (in->e.piece[i].p)
			bare_hash(&in->e.piece[i], 1);
}

static void floor_signatures_full(void *input)
{
	struct input *in = input;

	bare_verify(in->signatures, ARRAY_SIZE(in->signatures));
	hash_collateral(in);
}

static void floor_signatures_warm(void *input)
{
	struct input *in = input;

	bare_verify(in->signatures, 3);
	hash_collateral(in);
}

/* A key from its point, and the signatures of quote and quoting enclave. */
static void floor_quote(const struct input *in, X509 *leaf)
{
	_cleanup_(pkey_freep) EVP_PKEY *ak = p256_key(in->quote.key);

	must(p256_verify(X509_get0_pubkey(leaf), in->quote.qe_signature,
			 (struct bytes){ (const uint8_t *)in->quote.qe_report, 384 }),
	     "The quoting enclave's signature");
	must(p256_verify(ak, in->quote.signature, in->quote.signed_part), "The quote's signature");
}

/* Parse four certificates and two lists, make a key, check ten signatures. */
static void floor_openssl_full(void *input)
{
	struct input *in = input;
	X509 *cert[4];
	X509_CRL *root_crl = parse_crl_der(in->e.piece[EVIDENCE_ROOT_CRL]),
		 *pck_crl = parse_crl_der(in->e.piece[EVIDENCE_PCK_CRL]);

	for (unsigned i = 0; i < 4; i++)
		cert[i] = parse_der(in->der[i]);
	must(X509_verify(cert[ROOT], X509_get0_pubkey(cert[ROOT])) == 1 &&
		     X509_verify(cert[CA], X509_get0_pubkey(cert[ROOT])) == 1 &&
		     X509_verify(cert[LEAF], X509_get0_pubkey(cert[CA])) == 1 &&
		     X509_verify(cert[SIGNING], X509_get0_pubkey(cert[ROOT])) == 1,
	     "The chain");
	must(X509_CRL_verify(root_crl, X509_get0_pubkey(cert[ROOT])) == 1 &&
		     X509_CRL_verify(pck_crl, X509_get0_pubkey(cert[CA])) == 1,
	     "A list");
	must(p256_verify(X509_get0_pubkey(cert[SIGNING]), in->tcb_info.signature,
			 in->tcb_info.signed_part) &&
		     p256_verify(X509_get0_pubkey(cert[SIGNING]), in->qe_identity.signature,
				 in->qe_identity.signed_part),
	     "A document");
	floor_quote(in, cert[LEAF]);
	for (unsigned i = 0; i < 4; i++)
		X509_free(cert[i]);
	X509_CRL_free(root_crl);
	X509_CRL_free(pck_crl);
}

/* CA and collateral are known: one certificate, one key, three signatures. */
static void floor_openssl_warm(void *input)
{
	struct input *in = input;
	X509 *leaf = parse_der(in->der[LEAF]);

	must(X509_verify(leaf, in->ca_key) == 1, "The chain");
	floor_quote(in, leaf);
	X509_free(leaf);
}

/* Ten of the shortest, for comparison with what others publish. */
static void floor_ten(void *input)
{
	struct input *in = input;
	static X509 *leaf;

	if (!leaf)
		leaf = parse_der(in->der[LEAF]);
	for (unsigned i = 0; i < 10; i++)
		must(p256_verify(X509_get0_pubkey(leaf), in->quote.qe_signature,
				 (struct bytes){ (const uint8_t *)in->quote.qe_report, 384 }),
		     "A signature");
}

static void verify(struct input *in, struct verifier *ctx)
{
	must(attest_verify(ctx, &attest_verify_tdx, &in->e, &in->policy, NOW, in->verdict) == 0 &&
		     in->verdict->result == VERDICT_AUTHENTIC,
	     "Verifying the quote");
}

static void full(void *input)
{
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	struct input *in = input;

	must(verifier_new(&in->trust, &ctx) == 0, "Making a verifier");
	verify(in, ctx);
}

static void warm(void *input)
{
	struct input *in = input;

	verify(in, in->warm);
}

static const struct turn_row rows[] = {
	{ "TDX, full / signatures, hashes", floor_signatures_full, full, "1.40" },
	{ "TDX, full / OpenSSL", floor_openssl_full, full, "0.89" },
	{ "TDX, full / ten signatures", floor_ten, full, "1.40" },
	{ "TDX, known / signatures, hashes", floor_signatures_warm, warm, "1.30" },
	{ "TDX, known / OpenSSL", floor_openssl_warm, warm, "0.90" },
	{ NULL },
};

/* All ten signatures; the keys are decoded once. */
static void take_signatures(struct input *in)
{
	struct bare_signature *s = in->signatures;
	EVP_PKEY *key[4];
	X509 *cert[4];

	for (unsigned i = 0; i < 4; i++) {
		cert[i] = parse_der(in->der[i]);
		key[i] = X509_get0_pubkey(cert[i]);
	}
	*s++ = bare_of_numbers(in->quote.signature, in->quote.signature + 32, 32,
			       p256_key(in->quote.key), EVP_sha256(), in->quote.signed_part);
	*s++ = bare_of_numbers(in->quote.qe_signature, in->quote.qe_signature + 32, 32, key[LEAF],
			       EVP_sha256(),
			       (struct bytes){ (const uint8_t *)in->quote.qe_report, 384 });
	*s++ = bare_of_cert(cert[LEAF], key[CA], /* pss= */ false);
	*s++ = bare_of_cert(cert[CA], key[ROOT], false);
	*s++ = bare_of_cert(cert[ROOT], key[ROOT], false);
	*s++ = bare_of_cert(cert[SIGNING], key[ROOT], false);
	*s++ = bare_of_crl(parse_crl_der(in->e.piece[EVIDENCE_ROOT_CRL]), key[ROOT]);
	*s++ = bare_of_crl(parse_crl_der(in->e.piece[EVIDENCE_PCK_CRL]), key[CA]);
	*s++ = bare_of_numbers(in->tcb_info.signature, in->tcb_info.signature + 32, 32,
			       key[SIGNING], EVP_sha256(), in->tcb_info.signed_part);
	*s++ = bare_of_numbers(in->qe_identity.signature, in->qe_identity.signature + 32, 32,
			       key[SIGNING], EVP_sha256(), in->qe_identity.signed_part);
}

/* Prepare what the floors work on, so that they do OpenSSL's part only. */
static void take_apart(struct input *in)
{
	static uint8_t signing[PCK_CERT_LEN_MAX];
	struct bytes pem = in->e.piece[EVIDENCE_TCB_CHAIN];
	const char *problem;
	ssize_t n;

	must(tdx_quote_parse(in->e.piece[EVIDENCE_QUOTE].p, in->e.piece[EVIDENCE_QUOTE].len,
			     &in->quote, &problem) == 0,
	     "Reading the quote");
	must(pck_chain_split(in->quote.pck_chain, &in->chain) == 0, "Reading its certificates");
	for (unsigned i = 0; i < _PCK_MAX; i++)
		in->der[i] = (struct bytes){ in->chain.cert[i].b, in->chain.cert[i].len };
	n = pem_next(&pem, "CERTIFICATE", signing, sizeof(signing));
	must(n > 0, "Reading the signing certificate");
	in->der[SIGNING] = (struct bytes){ signing, (size_t)n };
	must(tdx_tcb_info_read(in->e.piece[EVIDENCE_TCB_INFO], &in->tcb_info, &problem) == 0,
	     "Reading the TCB info");
	must(tdx_qe_identity_read(in->e.piece[EVIDENCE_QE_IDENTITY], &in->qe_identity, &problem) ==
		     0,
	     "Reading the QE identity");
	in->ca_key = X509_get0_pubkey(parse_der(in->der[CA]));
}

int main(int argc, char **argv)
{
	static const enum evidence_piece pieces[] = { EVIDENCE_QUOTE,	    EVIDENCE_TCB_INFO,
						      EVIDENCE_QE_IDENTITY, EVIDENCE_TCB_CHAIN,
						      EVIDENCE_QE_CHAIN,    EVIDENCE_ROOT_CRL,
						      EVIDENCE_PCK_CRL };
	static struct input in;
	const char **files;
	unsigned rounds;

	log_open("bench-tdx");
	files = turns_options(argc, argv, "bench-tdx",
			      "QUOTE TCB_INFO QE_IDENTITY TCB_CHAIN QE_CHAIN ROOT_CRL PCK_CRL", 7,
			      &rounds);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		in.e.piece[pieces[i]] = read_input(files[i]);
	policies_init(&in.policy);
	take_apart(&in);
	take_signatures(&in);
	must(trust_parse(in.der[ROOT].p, in.der[ROOT].len, "the quote's root", &in.trust, NULL) ==
		     0,
	     "Reading the root");
	must(verifier_new(&in.trust, &in.warm) == 0 && (in.verdict = verdict_new()),
	     "Getting memory");
	take_turns(rows, &in, rounds);
	return 0;
}
