/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_BENCH_TURNS_H
#define COCO_TESTS_BENCH_TURNS_H

#include <openssl/x509.h>

#include "wire/bytes.h"

/*
 * Two ways to do something, measured beside each other.  They take turns within each round, so
 * that the rest of the machine disturbs both alike, and processor time is measured.
 */
struct turn_row {
	const char *name;
	void (*floor)(void *input);	/* the part that cannot be left out */
	void (*ours)(void *input);
	const char *goal;		/* of the ratio, for people */
	void (*prepare)(void *input);	/* before each of ours, not measured; may be NULL */
};

/* Print the medians of @rounds rounds of each row, and their ratio.  The last row has no name. */
void take_turns(const struct turn_row *rows, void *input, unsigned rounds);

/* Print what failed and exit, unless @good: a measurement of a failure means nothing. */
void must(int good, const char *what);

/*
 * Read the command line of the program @name: --rounds=N, and @n files, which messages call
 * @files.  Returns the files, which are never freed.  Exits after an error, which is logged.
 */
const char **turns_options(int argc, char **argv, const char *name, const char *files, size_t n,
			   unsigned *ret_rounds);

/* Read a file; the bytes are never freed. */
struct bytes read_input(const char *path);

X509 *parse_der(struct bytes der);
X509_CRL *parse_crl_der(struct bytes der);

/*
 * A signature with all that verifying it needs, but its hash and its public key operation: the key
 * is decoded, and the signature is in OpenSSL's form.
 */
struct bare_signature {
	EVP_PKEY *key;
	const EVP_MD *md;
	bool pss;
	struct bytes data, signature;
};

/* Take the signature out of a certificate or a list.  What is made is never freed. */
struct bare_signature bare_of_cert(X509 *cert, EVP_PKEY *key, bool pss);
struct bare_signature bare_of_crl(X509_CRL *crl, EVP_PKEY *key);
/* ... and of two plain numbers, big-endian, of @len bytes each, over @data. */
struct bare_signature bare_of_numbers(const uint8_t *r, const uint8_t *s, size_t len,
				      EVP_PKEY *key, const EVP_MD *md, struct bytes data);

/* Verify each of the @n signatures. */
void bare_verify(const struct bare_signature *list, size_t n);

/* SHA-256 of each of the @n pieces: what it takes to know them again. */
void bare_hash(const struct bytes *pieces, size_t n);

#endif
