/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs to verify evidence, beside the OpenSSL operations that no verifier can leave out,
 * in the same run:
 *
 *	bench-attest [--rounds=N] REPORT VEK INTERMEDIATE ROOT
 *
 * The files are DER, and valid on 2026-01-01.  Nothing is asserted.
 */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "attest/policy.h"
#include "attest/trust.h"
#include "attest/snp/verify-snp.h"
#include "base/log.h"
#include "tests/bench/turns.h"

#define NOW 1767225600	/* 2026-01-01 */

struct input {
	struct bytes report, vek, inter, ark;
	struct trust trust;
	struct policies policy;
	struct verifier *warm;
	struct verdict *verdict;
	/* For the floor. */
	EVP_PKEY *inter_key;
	unsigned char *sig;
	size_t sig_len;
};

/* The report's signature in the form for OpenSSL. */
static void encode_signature(struct input *in)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	uint8_t r[48], s[48];
	struct snp_report report;
	int len;

	must(sig && snp_report_open(in->report.p, in->report.len, &report) == 0 &&
		     snp_report_signature(&report, r, s) == 0,
	     "Reading the report");
	must(ECDSA_SIG_set0(sig, BN_bin2bn(r, 48, NULL), BN_bin2bn(s, 48, NULL)),
	     "Reading the signature");
	len = i2d_ECDSA_SIG(sig, &in->sig);
	must(len > 0, "Encoding the signature");
	in->sig_len = (size_t)len;
	ECDSA_SIG_free(sig);
}

static void floor_report(const struct input *in, X509 *vek)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	must(md && EVP_DigestVerifyInit(md, NULL, EVP_sha384(), NULL, X509_get0_pubkey(vek)) == 1 &&
		     EVP_DigestVerify(md, in->sig, in->sig_len, in->report.p, SNP_SIGNED_LEN) == 1,
	     "The report's signature");
	EVP_MD_CTX_free(md);
}

/* Parse three certificates, check three RSA signatures and one ECDSA signature. */
static void floor_snp_cold(void *input)
{
	struct input *in = input;
	X509 *ark = parse_der(in->ark), *inter = parse_der(in->inter), *vek = parse_der(in->vek);

	must(X509_verify(ark, X509_get0_pubkey(ark)) == 1 &&
		     X509_verify(inter, X509_get0_pubkey(ark)) == 1 &&
		     X509_verify(vek, X509_get0_pubkey(inter)) == 1,
	     "The chain");
	floor_report(in, vek);
	X509_free(ark);
	X509_free(inter);
	X509_free(vek);
}

/* The authorities are known: one of each is left. */
static void floor_snp_warm(void *input)
{
	struct input *in = input;
	X509 *vek = parse_der(in->vek);

	must(X509_verify(vek, in->inter_key) == 1, "The chain");
	floor_report(in, vek);
	X509_free(vek);
}

static void verify_snp(struct input *in, struct verifier *ctx)
{
	const struct evidence e = {
		.piece[EVIDENCE_REPORT] = in->report,
		.cert = { in->vek, in->inter, in->ark },
		.n_certs = 3,
	};

	must(attest_verify(ctx, &attest_verify_snp, &e, &in->policy, NOW, in->verdict) == 0 &&
		     in->verdict->result == VERDICT_AUTHENTIC,
	     "Verifying the report");
}

static void snp_cold(void *input)
{
	struct input *in = input;
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;

	must(verifier_new(&in->trust, &ctx) == 0, "Making a verifier");
	verify_snp(in, ctx);
}

static void snp_warm(void *input)
{
	struct input *in = input;
	verify_snp(in, in->warm);
}

static const struct turn_row rows[] = {
	{ "SNP report, cold", floor_snp_cold, snp_cold, "1.25" },
	{ "SNP report, authorities known", floor_snp_warm, snp_warm, "1.10" },
	{ NULL },
};

int main(int argc, char **argv)
{
	struct input in = { 0 };
	unsigned rounds;
	const char **files;
	X509 *inter;

	log_open("bench-attest");
	files = turns_options(argc, argv, "bench-attest", "REPORT VEK INTERMEDIATE ROOT", 4,
			      &rounds);
	in.report = read_input(files[0]);
	in.vek = read_input(files[1]);
	in.inter = read_input(files[2]);
	in.ark = read_input(files[3]);
	policies_init(&in.policy);
	must(trust_parse(in.ark.p, in.ark.len, "the given root", &in.trust, NULL) == 0,
	     "Reading the root");
	must(verifier_new(&in.trust, &in.warm) == 0 && (in.verdict = verdict_new()),
	     "Getting memory");
	inter = parse_der(in.inter);
	in.inter_key = X509_get0_pubkey(inter);
	encode_signature(&in);
	take_turns(rows, &in, rounds);
	return 0;
}
