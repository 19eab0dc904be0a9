/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs to verify evidence, beside two floors, in the same run: the signatures and hashes
 * alone, with keys that are decoded before; and those with OpenSSL's own reading of certificates.
 *
 *	bench-attest [--rounds=N] REPORT VEK INTERMEDIATE ROOT OTHER_REPORT OTHER_VEK
 *
 * The files are DER, and valid on 2026-01-01.  The other report is of another chip with the same
 * authorities, which it makes known.  Nothing is asserted.
 */
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
	struct bytes other_report, other_vek;
	struct trust trust;
	struct policies policy;
	struct verifier *warm;
	struct verdict *verdict;
	/* For the floors: root, intermediate, VEK, and the report. */
	EVP_PKEY *inter_key;
	struct bare_signature signatures[4];
};

enum { ARK, INTERMEDIATE, VEK, REPORT };

static void floor_signatures_cold(void *input)
{
	struct input *in = input;
	const struct bytes pieces[] = { in->report, in->vek, in->inter, in->ark };

	bare_verify(in->signatures, 4);
	bare_hash(pieces, ARRAY_SIZE(pieces));
}

static void floor_signatures_warm(void *input)
{
	struct input *in = input;
	const struct bytes pieces[] = { in->report, in->vek, in->inter, in->ark };

	bare_verify(in->signatures + VEK, 2);
	bare_hash(pieces, ARRAY_SIZE(pieces));
}

static void floor_report(const struct input *in, X509 *vek)
{
	struct bare_signature s = in->signatures[REPORT];

	s.key = X509_get0_pubkey(vek);
	bare_verify(&s, 1);
}

/* Parse three certificates, check three RSA signatures and one ECDSA signature. */
static void floor_openssl_cold(void *input)
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
static void floor_openssl_warm(void *input)
{
	struct input *in = input;
	X509 *vek = parse_der(in->vek);

	must(X509_verify(vek, in->inter_key) == 1, "The chain");
	floor_report(in, vek);
	X509_free(vek);
}

static void verify_snp(struct input *in, struct verifier *ctx, struct bytes report,
		       struct bytes vek)
{
	const struct evidence e = {
		.piece[EVIDENCE_REPORT] = report,
		.cert = { vek, in->inter, in->ark },
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
	verify_snp(in, ctx, in->report, in->vek);
}

/* A verifier that has seen the authorities, but neither this chip nor this report. */
static void know_authorities(void *input)
{
	struct input *in = input;

	in->warm = verifier_free(in->warm);
	must(verifier_new(&in->trust, &in->warm) == 0, "Making a verifier");
	verify_snp(in, in->warm, in->other_report, in->other_vek);
}

static void snp_warm(void *input)
{
	struct input *in = input;

	verify_snp(in, in->warm, in->report, in->vek);
}

static const struct turn_row rows[] = {
	{ "SNP, cold / signatures, hashes", floor_signatures_cold, snp_cold, "1.30" },
	{ "SNP, cold / OpenSSL", floor_openssl_cold, snp_cold, "0.80" },
	{ "SNP, new chip / signatures, hashes", floor_signatures_warm, snp_warm, "1.20",
	  know_authorities },
	{ "SNP, new chip / OpenSSL", floor_openssl_warm, snp_warm, "0.92", know_authorities },
	{ "SNP, same report again / OpenSSL", floor_openssl_warm, snp_warm, "0.10" },
	{ NULL },
};

/* Prepare what the floors work on, so that they do OpenSSL's part only. */
static void take_apart(struct input *in)
{
	X509 *ark = parse_der(in->ark), *inter = parse_der(in->inter), *vek = parse_der(in->vek);
	struct snp_report report;
	uint8_t r[48], s[48];

	must(snp_report_open(in->report.p, in->report.len, &report) == 0 &&
		     snp_report_signature(&report, r, s) == 0,
	     "Reading the report");
	in->inter_key = X509_get0_pubkey(inter);
	in->signatures[ARK] = bare_of_cert(ark, X509_get0_pubkey(ark), /* pss= */ true);
	in->signatures[INTERMEDIATE] = bare_of_cert(inter, X509_get0_pubkey(ark), true);
	in->signatures[VEK] = bare_of_cert(vek, in->inter_key, true);
	in->signatures[REPORT] = bare_of_numbers(
		r, s, sizeof(r), X509_get0_pubkey(vek), EVP_sha384(),
		(struct bytes){ in->report.p, SNP_SIGNED_LEN });
}

int main(int argc, char **argv)
{
	struct input in = { 0 };
	unsigned rounds;
	const char **files;

	log_open("bench-attest");
	files = turns_options(argc, argv, "bench-attest",
			      "REPORT VEK INTERMEDIATE ROOT OTHER_REPORT OTHER_VEK", 6, &rounds);
	in.report = read_input(files[0]);
	in.vek = read_input(files[1]);
	in.inter = read_input(files[2]);
	in.ark = read_input(files[3]);
	in.other_report = read_input(files[4]);
	in.other_vek = read_input(files[5]);
	policies_init(&in.policy);
	must(trust_parse(in.ark.p, in.ark.len, "the given root", &in.trust, NULL) == 0,
	     "Reading the root");
	must((in.verdict = verdict_new()) != NULL, "Getting memory");
	take_apart(&in);
	take_turns(rows, &in, rounds);
	return 0;
}
