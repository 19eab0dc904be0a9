/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a broker answers: what we take has the form that wire/broker.h promises.  The first
 * byte chooses the reader.
 */
#include <assert.h>

#include "agent/net/jwe.h"
#include "agent/net/rcar.h"
#include "agent/net/refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fuzz_challenge(struct bytes answer)
{
	struct net_challenge c = { 0 };
	struct cause why;

	if (rcar_read_challenge(answer, &c, &why) == 0)
		assert(strlen(c.nonce) == BROKER_NONCE_TEXT_LEN && c.hash < _NET_HASH_MAX);
}

static void fuzz_refusal(struct bytes answer, unsigned choice)
{
	static const int statuses[] = { 401, 404, 503, 500 };
	struct net_result r = { 0 };

	refusal_read(choice % _REFUSAL_STEP_MAX,
		     statuses[choice / _REFUSAL_STEP_MAX % ARRAY_SIZE(statuses)], 0, answer, &r);
	assert(r.error > NET_OK && r.error < _NET_ERROR_MAX);
	assert(memchr(r.text, 0, sizeof(r.text)) && memchr(r.id, 0, sizeof(r.id)));
	for (const char *p = r.text; *p; p++)
		assert((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void fuzz_jwe(struct bytes answer, enum broker_curve curve)
{
	struct net_jwe j = { 0 };
	uint8_t *ciphertext = NULL;
	struct cause why;

	if (jwe_read(answer, curve, &j, &ciphertext, &why) == 0) {
		assert(ciphertext && j.ciphertext_len <= JWE_CIPHERTEXT_MAX);
		assert(strlen(j.protected) == j.protected_len && j.curve == curve);
	}
	free(ciphertext);
}

static void fuzz_headers(const char *text)
{
	char cookie[RCAR_COOKIE_LEN];
	struct net_jwe j = { 0 };
	struct cause why;

	if (rcar_read_cookie(text, cookie) == 0)
		assert(strncmp(cookie, text, strlen(cookie)) == 0);
	if (jwe_read_release(text, &j, &why) == 0)
		assert(j.has_release == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes answer = { data + 1, len - 1 };
	struct cause why;
	char *text;

	if (len == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		fuzz_challenge(answer);
		break;
	case 1:
		fuzz_refusal(answer, data[0] / 5);
		break;
	case 2:
		fuzz_jwe(answer, data[0] / 5 % _BROKER_CURVE_MAX);
		break;
	case 3:
		(void)rcar_check_token(answer, &why);
		break;
	default:
		text = strndup((const char *)answer.p, answer.len);
		if (text)
			fuzz_headers(text);
		free(text);
		break;
	}
	return 0;
}
