/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypts to the keys of others, for tests/run/jwe-jose.  A line of its standard input is a public
 * key, a JSON web key without blanks, a blank, and the secret in base64.  For each it prints a
 * line: what the broker answers, or "refused".
 */
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "broker/core/respond.h"
#include "crypto/locked-heap.h"

#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct keys *new_keys(void)
{
	struct secret *master;
	struct keys *k;

	if (locked_heap_init(65536) < 0 || secret_new(MASTER_KEY_LEN, &master) < 0 ||
	    keys_new(master, EVP_EC_gen("P-256"), &k) < 0)
		exit(1);
	return k;
}

/* The key in the message that has it. */
static int read_key(const char *jwk, struct attestation *ret)
{
	_cleanup_(freep) char *body = NULL;
	struct cause why;

	if (asprintf(&body,
		     "{\"runtime-data\":{\"nonce\":\"" NONCE "\",\"tee-pubkey\":%s},"
		     "\"tee-evidence\":{\"primary_evidence\":{},\"additional_evidence\":\"\"}}",
		     jwk) < 0)
		abort();
	return message_read_attestation((struct bytes){ (uint8_t *)body, strlen(body) }, ret,
					&why);
}

static void answer(const struct keys *k, const char *jwk, const char *text)
{
	_cleanup_(attestation_done) struct attestation a = { .evidence = NULL };
	_cleanup_(secret_freep) struct secret *s = NULL;
	_cleanup_(freep) char *body = NULL, *release = NULL;
	ssize_t n;

	if (secret_new(SECRET_MAX, &s) < 0)
		abort();
	n = base64_decode(text, secret_bytes(s), SECRET_MAX);
	if (n < 0)
		abort();
	secret_truncate(s, (size_t)n);
	if (read_key(jwk, &a) < 0 ||
	    respond_release(k, &a.key, a.rd, "a/b/c", 1, s, &body, &release) < 0)
		printf("refused\n");
	else
		printf("%s\n", body);
}

int main(void)
{
	_cleanup_(freep) char *line = NULL;
	_cleanup_(keys_freep) struct keys *k = new_keys();
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		char *text = strchr(line, ' ');

		if (!text)
			return 1;
		*text = '\0';
		answer(k, line, text + 1);
		(void) fflush(stdout);
	}
	return 0;
}
