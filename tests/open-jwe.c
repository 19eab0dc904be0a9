/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens what others have encrypted, for tests/run/jwe-jose:
 *
 *	open-jwe P-256|P-521
 *
 * It makes a key pair and prints the public key, a line of JSON.  For each line of its standard
 * input, a JWE in the flattened form, it prints a line: "secret " and base64, or "refused " and
 * why.  cocod-net's code reads the JWE, and cocod's opens it.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/keeper/release.h"
#include "agent/net/jwe.h"
#include "base/base64.h"
#include "crypto/jwe.h"

static int print_key(EVP_PKEY *key, unsigned curve)
{
	_cleanup_(freep) char *x64 = NULL, *y64 = NULL;
	uint8_t x[BROKER_COORDINATE_MAX], y[BROKER_COORDINATE_MAX];

	if (jwe_key_point(key, curve, x, y) < 0 ||
	    base64url_encode(x, broker_curve_len(curve), &x64) < 0 ||
	    base64url_encode(y, broker_curve_len(curve), &y64) < 0)
		return -ENOMEM;
	printf("{\"alg\":\"ECDH-ES+A256KW\",\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\","
	       "\"y\":\"%s\"}\n",
	       broker_curve_name(curve), x64, y64);
	return 0;
}

static void answer(EVP_PKEY *key, unsigned curve, struct bytes line)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	_cleanup_(freep) uint8_t *ciphertext = NULL;
	_cleanup_(freep) char *text = NULL;
	struct net_jwe jwe = { 0 };
	struct cause why = { "" };

	if (jwe_read(line, curve, &jwe, &ciphertext, &why) < 0 ||
	    jwe_open(key, curve, &jwe, ciphertext, &s, &why) < 0)
		printf("refused %s\n", why.text);
	else if (base64_encode(secret_data(s), secret_len(s), &text) == 0)
		printf("secret %s\n", text);
	else
		abort();
}

int main(int argc, char **argv)
{
	unsigned curve = argc == 2 && streq(argv[1], "P-521") ? BROKER_P521 : BROKER_P256;
	_cleanup_(freep) char *line = NULL;
	EVP_PKEY *key;
	size_t size = 0;
	ssize_t len;

	if (release_init() < 0 || jwe_key_new(curve, &key) < 0 || print_key(key, curve) < 0)
		return 1;
	(void) fflush(stdout);
	while ((len = getline(&line, &size, stdin)) > 0) {
		answer(key, curve, (struct bytes){ (uint8_t *)line, (size_t)len });
		(void) fflush(stdout);
	}
	EVP_PKEY_free(key);
	return 0;
}
