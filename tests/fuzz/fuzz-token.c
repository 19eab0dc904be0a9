/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tokens of strangers, which are never good; and, if the first byte is 's', a header and claims
 * (two lines) that the broker's own key signs, to get behind the signature.
 */
#include <assert.h>
#include <openssl/ec.h>
#include <stdio.h>

#include "base/base64.h"
#include "broker/core/token.h"
#include "crypto/ecdsa.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct keys *keys_for_test(void)
{
	static struct keys *k;
	struct secret *master;

	if (k)
		return k;
	assert(secret_new(MASTER_KEY_LEN, &master) == 0);
	memset(secret_bytes(master), 1, MASTER_KEY_LEN);
	assert(keys_new(master, EVP_EC_gen("P-256"), &k) == 0);
	return k;
}

static char *encode(const char *text, size_t len)
{
	char *ret;

	assert(base64url_encode((const uint8_t *)text, len, &ret) == 0);
	return ret;
}

static char *sign(const char *text)
{
	size_t end = strcspn(text, "\n");
	const char *second = text + end + (text[end] != '\0');
	char *header = encode(text, end), *claims = encode(second, strlen(second));
	char *token, *signature64, *signed_text;
	uint8_t signature[64];

	assert(asprintf(&signed_text, "%s.%s", header, claims) > 0);
	assert(ecdsa_sign(keys_token(keys_for_test()), EVP_sha256(),
			  (struct bytes){ (uint8_t *)signed_text, strlen(signed_text) }, signature,
			  64) == 0);
	signature64 = encode((char *)signature, 64);
	assert(asprintf(&token, "%s.%s", signed_text, signature64) > 0);
	free(header);
	free(claims);
	free(signed_text);
	free(signature64);
	return token;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = strndup((const char *)data, len), *token;
	struct cookie c;

	assert(text);
	if (text[0] == 's') {
		token = sign(text + 1);
		if (token_read(keys_for_test(), token, NOW, &c) == 0)
			assert(cookie_check(&c, NOW) == 0);
		free(token);
	} else
		assert(token_read(keys_for_test(), text, NOW, &c) < 0);
	free(text);
	return 0;
}
