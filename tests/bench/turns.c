/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/turns.h"

#include <fcntl.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/options.h"

#define INPUT_MAX 1048576

void must(int good, const char *what)
{
	if (good)
		return;
	log_error("%s failed: this is no measurement", what);
	exit(1);
}

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

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

static uint64_t timed(void (*f)(void *input), void *input)
{
	uint64_t begin = now_nsec();

	f(input);
	return now_nsec() - begin;
}

static uint64_t timed_ours(const struct turn_row *row, void *input)
{
	if (row->prepare)
		row->prepare(input);
	return timed(row->ours, input);
}

static void measure(const struct turn_row *row, void *input, unsigned rounds)
{
	_cleanup_(freep) uint64_t *floors = calloc(rounds, sizeof(*floors)),
				  *ours = calloc(rounds, sizeof(*ours));
	double a, b;

	must(floors && ours, "Getting memory");
	row->floor(input);
	(void) timed_ours(row, input);
	for (unsigned i = 0; i < rounds; i++) {
		/* The first in a round changes too. */
		if (i % 2)
			ours[i] = timed_ours(row, input);
		floors[i] = timed(row->floor, input);
		if (i % 2 == 0)
			ours[i] = timed_ours(row, input);
	}
	a = median(floors, rounds);
	b = median(ours, rounds);
	printf("%-34s  %9.1f  %9.1f  %6.3f  %5s\n", row->name, b, a, b / a, row->goal);
}

void take_turns(const struct turn_row *rows, void *input, unsigned rounds)
{
	printf("%-34s  %9s  %9s  %6s  %5s\n", "microseconds of CPU, medians", "ours", "floor",
	       "ratio", "goal");
	for (; rows->name; rows++)
		measure(rows, input, rounds);
	printf("\nfloor: the operations of OpenSSL that cannot be left out, alone.  "
	       "%u rounds, in turns.\n\n",
	       rounds);
}

struct args {
	struct option_number rounds;
	struct option_list files;
};

static const struct option_row options[] = {
	{ "rounds", "N", "how often each is measured; 400 if not given",
	  OPTION_NUMBER(rounds, 1, 1000000) },
	{ NULL },
};

const char **turns_options(int argc, char **argv, const char *name, const char *files, size_t n,
			   unsigned *ret_rounds)
{
	const struct program program = {
		.name = name,
		.help = "Measures our code against OpenSSL alone.",
		.manual = "HACKING.md",
		.options = options,
		.words = { .value = files, OPTION_LIST(files, n), .required = n > 0 },
	};
	struct args args = { 0 };
	const struct verb *verb;
	int r;

	r = command_read(&program, argc, argv, &args, &verb);
	if (r == 0)
		exit(0);
	if (r < 0 || command_check(&program, verb, &args) < 0)
		exit(64);
	if (args.files.n < n) {
		log_error("%s needs %s", name, files);
		exit(64);
	}
	*ret_rounds = args.rounds.given ? (unsigned)args.rounds.value : 400;
	return args.files.items;
}

struct bytes read_input(const char *path)
{
	char *text;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, INPUT_MAX, &text, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", path);
		exit(1);
	}
	return (struct bytes){ (const uint8_t *)text, len };
}

X509 *parse_der(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);

	must(cert != NULL, "Parsing a certificate");
	return cert;
}

X509_CRL *parse_crl_der(struct bytes der)
{
	const unsigned char *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);

	must(crl != NULL, "Parsing a revocation list");
	return crl;
}

/* ---- signatures, bare ---- */

struct bare_signature bare_of_cert(X509 *cert, EVP_PKEY *key, bool pss)
{
	const ASN1_BIT_STRING *bits;
	unsigned char *part = NULL;
	int len = i2d_re_X509_tbs(cert, &part);

	must(len > 0, "Writing a certificate");
	X509_get0_signature(&bits, NULL, cert);
	return (struct bare_signature){
		key, pss ? EVP_sha384() : EVP_sha256(), pss, { part, (size_t)len },
		{ ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits) },
	};
}

struct bare_signature bare_of_crl(X509_CRL *crl, EVP_PKEY *key)
{
	const ASN1_BIT_STRING *bits;
	unsigned char *part = NULL;
	int len = i2d_re_X509_CRL_tbs(crl, &part);

	must(len > 0, "Writing a revocation list");
	X509_CRL_get0_signature(crl, &bits, NULL);
	return (struct bare_signature){
		key, EVP_sha256(), false, { part, (size_t)len },
		{ ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits) },
	};
}

struct bare_signature bare_of_numbers(const uint8_t *r, const uint8_t *s, size_t len,
				      EVP_PKEY *key, const EVP_MD *md, struct bytes data)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int n;

	must(sig && ECDSA_SIG_set0(sig, BN_bin2bn(r, (int)len, NULL),
				   BN_bin2bn(s, (int)len, NULL)),
	     "Reading a signature");
	n = i2d_ECDSA_SIG(sig, &der);
	must(n > 0, "Encoding a signature");
	ECDSA_SIG_free(sig);
	return (struct bare_signature){ key, md, false, data, { der, (size_t)n } };
}

static void verify_bare(const struct bare_signature *s)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;

	must(c && EVP_DigestVerifyInit(c, &p, s->md, NULL, s->key) == 1, "Beginning to verify");
	must(!s->pss || (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
			 EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1),
	     "Setting PSS");
	must(EVP_DigestVerify(c, s->signature.p, s->signature.len, s->data.p, s->data.len) == 1,
	     "A signature");
	EVP_MD_CTX_free(c);
}

void bare_verify(const struct bare_signature *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		verify_bare(&list[i]);
}

void bare_hash(const struct bytes *pieces, size_t n)
{
	uint8_t hash[EVP_MAX_MD_SIZE];

	for (size_t i = 0; i < n; i++)
		must(EVP_Digest(pieces[i].p, pieces[i].len, hash, NULL, EVP_sha256(), NULL),
		     "A hash");
}
