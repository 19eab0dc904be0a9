/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input: a token, or a header and claims with a newline between, which are signed here.  No text is
 * a token of a key that has signed none; what was signed is accepted with a time and no other role.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "broker/serve/jwt.h"

#define NOW 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char *make_token(EVP_PKEY *key, const char *header, const char *claims)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char *h, *c, *s, *text, *token;
	uint8_t sig[64];
	size_t sig_len = sizeof(sig);
	int r;

	r = base64url_encode((const uint8_t *)header, strlen(header), &h);
	assert(r == 0);
	r = base64url_encode((const uint8_t *)claims, strlen(claims), &c);
	assert(r == 0);
	r = asprintf(&text, "%s.%s", h, c);
	assert(r > 0);
	r = EVP_DigestSignInit(ctx, NULL, NULL, NULL, key);
	assert(r == 1);
	r = EVP_DigestSign(ctx, sig, &sig_len, (const uint8_t *)text, strlen(text));
	assert(r == 1);
	r = base64url_encode(sig, sig_len, &s);
	assert(r == 0);
	r = asprintf(&token, "%s.%s", text, s);
	assert(r > 0);
	EVP_MD_CTX_free(ctx);
	free(h);
	free(c);
	free(s);
	free(text);
	return token;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static EVP_PKEY *key;
	struct jwt_claims claims;
	struct cause why = { "" };
	char *text = malloc(len + 1), *newline, *token;
	int r;

	if (!key)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert(text && key);
	memcpy(text, data, len);
	text[len] = '\0';
	r = jwt_verify(key, text, NOW, &claims, &why);
	assert(r < 0 && why.text[0]);
	newline = strchr(text, '\n');
	if (newline) {
		*newline = '\0';
		token = make_token(key, text, newline + 1);
		r = jwt_verify(key, token, NOW, &claims, &why);
		assert(r < 0 || claims.exp + JWT_LEEWAY_SEC > NOW);
		assert(r < 0 || !claims.role[0] || streq(claims.role, "admin"));
		free(token);
	}
	free(text);
	return 0;
}
