/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What verifying evidence costs, beside the OpenSSL operations that no verifier can leave out, in one run:
 *
 *	bench-attest [--rounds=N] REPORT VEK INTERMEDIATE ROOT
 *
 * The files are DER, and good on 2026-01-01.  The two sides take turns within each round, so that what else runs on the machine hits
 * both alike; what counts is processor time. Medians are shown, and their ratio.  Nothing is asserted.
 */
#include <fcntl.h>
#include <getopt.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

#include "attest/policy.h"
#include "attest/trust.h"
#include "attest/verify-snp.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"

#define NOW 1767225600	/* 2026-01-01 */

struct input {
	struct bytes report, vek, inter, ark;
	struct trust trust;
	struct policy policy;
	struct verifier *warm;
	struct verdict *verdict;
	/* For the floor. */
	EVP_PKEY *inter_key;
	unsigned char *sig;
	size_t sig_len;
};

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	log_error("%s failed: this is no measurement", what);
	exit(1);
}

static X509 *parse(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);

	must(cert != NULL, "Parsing a certificate");
	return cert;
}

/* The report's signature as OpenSSL takes it. */
static void encode_signature(struct input *in)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	uint8_t r[48], s[48];
	struct snp_report report;
	int len;

	must(sig && snp_report_open(in->report.p, in->report.len, &report) == 0 && snp_report_signature(&report, r, s) == 0, "Reading the report");
	must(ECDSA_SIG_set0(sig, BN_bin2bn(r, 48, NULL), BN_bin2bn(s, 48, NULL)), "Reading the signature");
	len = i2d_ECDSA_SIG(sig, &in->sig);
	must(len > 0, "Encoding the signature");
	in->sig_len = (size_t)len;
	ECDSA_SIG_free(sig);
}

static void floor_report(const struct input *in, X509 *vek)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	must(md && EVP_DigestVerifyInit(md, NULL, EVP_sha384(), NULL, X509_get0_pubkey(vek)) == 1 &&
	     EVP_DigestVerify(md, in->sig, in->sig_len, in->report.p, SNP_SIGNED_LEN) == 1, "The report's signature");
	EVP_MD_CTX_free(md);
}

/* Three certificates parsed, three RSA signatures and one of ECDSA checked. */
static void floor_snp_cold(struct input *in)
{
	X509 *ark = parse(in->ark), *inter = parse(in->inter), *vek = parse(in->vek);

	must(X509_verify(ark, X509_get0_pubkey(ark)) == 1 && X509_verify(inter, X509_get0_pubkey(ark)) == 1 &&
	     X509_verify(vek, X509_get0_pubkey(inter)) == 1, "The chain");
	floor_report(in, vek);
	X509_free(ark);
	X509_free(inter);
	X509_free(vek);
}

/* The authorities are known: one of each. */
static void floor_snp_warm(struct input *in)
{
	X509 *vek = parse(in->vek);

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

	must(attest_verify(ctx, &attest_verify_snp, &e, &in->policy, NOW, in->verdict) == 0 && in->verdict->result == VERDICT_ACCEPTED,
	     "Verifying the report");
}

static void snp_cold(struct input *in)
{
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;

	must(verifier_new(&in->trust, &ctx) == 0, "Making a verifier");
	verify_snp(in, ctx);
}

static void snp_warm(struct input *in)
{
	verify_snp(in, in->warm);
}

static const struct row {
	const char *name;
	void (*floor)(struct input *in);
	void (*ours)(struct input *in);
	const char *goal;
} rows[] = {
	{ "SNP report, cold", floor_snp_cold, snp_cold, "1.25" },
	{ "SNP report, authorities known", floor_snp_warm, snp_warm, "1.10" },
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), compare);
	return (double)(n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2) / 1000;
}

static uint64_t timed(void (*f)(struct input *in), struct input *in)
{
	uint64_t begin = now_nsec();

	f(in);
	return now_nsec() - begin;
}

static void measure(const struct row *row, struct input *in, unsigned rounds)
{
	_cleanup_(freep) uint64_t *floors = calloc(rounds, sizeof(*floors)), *ours = calloc(rounds, sizeof(*ours));
	double a, b;

	must(floors && ours, "Getting memory");
	row->floor(in);
	row->ours(in);
	for (unsigned i = 0; i < rounds; i++) {
		/* Who is first in a round changes, too. */
		if (i % 2)
			ours[i] = timed(row->ours, in);
		floors[i] = timed(row->floor, in);
		if (i % 2 == 0)
			ours[i] = timed(row->ours, in);
	}
	a = median(floors, rounds);
	b = median(ours, rounds);
	printf("%-32s  %9.1f  %9.1f  %6.3f  %5s\n", row->name, b, a, b / a, row->goal);
}

static struct bytes read_input(const char *path)
{
	char *text;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, 65536, &text, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", path);
		exit(1);
	}
	return (struct bytes){ (const uint8_t *)text, len };
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' }, { NULL } };
	struct input in = { 0 };
	uint32_t rounds = 400;
	X509 *inter;
	int c;

	log_open("bench-attest");
	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (c != 'r' || parse_u32(optarg, &rounds) < 0 || rounds == 0 || rounds > 1000000)
			return 64;
	if (argc - optind != 4) {
		log_error("usage: bench-attest [--rounds=N] REPORT VEK INTERMEDIATE ROOT");
		return 64;
	}
	in.report = read_input(argv[optind]);
	in.vek = read_input(argv[optind + 1]);
	in.inter = read_input(argv[optind + 2]);
	in.ark = read_input(argv[optind + 3]);
	policy_init(&in.policy);
	must(trust_parse(in.ark.p, in.ark.len, "the given root", &in.trust, NULL) == 0, "Reading the root");
	must(verifier_new(&in.trust, &in.warm) == 0 && (in.verdict = verdict_new()), "Getting memory");
	inter = parse(in.inter);
	in.inter_key = X509_get0_pubkey(inter);
	encode_signature(&in);

	printf("%-32s  %9s  %9s  %6s  %5s\n", "microseconds of CPU, medians", "verifier", "OpenSSL", "ratio", "goal");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		measure(&rows[i], &in, rounds);
	printf("\nOpenSSL: the operations that cannot be left out, alone.  %u rounds, in turns.\n", rounds);
	return 0;
}
