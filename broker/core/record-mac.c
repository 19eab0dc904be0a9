/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/record-mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/parse.h"

#define CODE_LEN 32

static int compute(const struct keys *k, const char *key, const void *text, size_t len,
		   uint8_t ret[static CODE_LEN])
{
	static const char label[] = "coco record 1";
	size_t key_len = strlen(key) + 1, n = sizeof(label) + key_len + len;
	uint8_t secret[32], *input = malloc(n);
	int r = -ENOMEM;

	if (input && keys_derive(k, "coco record", NULL, 0, secret) == 0) {
		memcpy(input, label, sizeof(label));
		memcpy(input + sizeof(label), key, key_len);
		memcpy(input + sizeof(label) + key_len, text, len);
		if (HMAC(EVP_sha256(), secret, sizeof(secret), input, n, ret, NULL))
			r = 0;
		OPENSSL_cleanse(secret, sizeof(secret));
	}
	free(input);
	return r;
}

int record_sign(const struct keys *k, const char *key, const char *text, char **ret)
{
	size_t len = strlen(text);
	uint8_t code[CODE_LEN];
	char *signed_text;

	if (compute(k, key, text, len, code) < 0)
		return -ENOMEM;
	signed_text = malloc(len + RECORD_MAC_LEN + 1);
	if (!signed_text)
		return -ENOMEM;
	memcpy(signed_text, text, len);
	signed_text[len] = '\n';
	format_hex(code, sizeof(code), signed_text + len + 1);
	*ret = signed_text;
	return 0;
}

int record_verify(const struct keys *k, const char *key, const void *data, size_t len,
		  size_t *ret_len)
{
	const char *text = data;
	char digits[2 * CODE_LEN + 1] = "";
	uint8_t code[CODE_LEN], wanted[CODE_LEN];

	if (len < RECORD_MAC_LEN || text[len - RECORD_MAC_LEN] != '\n')
		return -EKEYREJECTED;
	memcpy(digits, text + len - 2 * CODE_LEN, 2 * CODE_LEN);
	if (parse_hex(digits, code, sizeof(code)) < 0)
		return -EKEYREJECTED;
	if (compute(k, key, data, len - RECORD_MAC_LEN, wanted) < 0)
		return -ENOMEM;
	if (CRYPTO_memcmp(code, wanted, sizeof(code)) != 0)
		return -EKEYREJECTED;
	*ret_len = len - RECORD_MAC_LEN;
	return 0;
}
