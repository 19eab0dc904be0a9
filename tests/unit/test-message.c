/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages of the protocol as the server reads and writes them, beside the code of our guests
 * (agent/net/rcar.c), and beside what other clients send.
 */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/net/rcar.h"
#include "agent/net/refusal.h"
#include "base/base64.h"
#include "base/hex.h"
#include "broker/core/message.h"
#include "crypto/jwe.h"
#include "tests/unit/vectors.h"
#include "wire/jspan.h"

#define REQUESTS "coco/rcar/request-cases.json"
#define EXCHANGE_EC "coco/rcar/sample-ec256.json"
#define EXCHANGE_RSA "coco/rcar/sample-rsa2048.json"
#define BOOT "sLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLA="
#define NONCE "0r7T1E+0Ubt0hRXfsFCsTrBg8fwUM4jwZtuBAKz3gDU="
#define X "tgbr8yvloSxUwLBoyeWvSfmm7PaFAEthgKzAoNX3Nqs"
#define Y "S3Glwr4d0hBnsDahIQKHo4MIgmS0I9Lj82JR903bXHo"
#define EC(x, y)                                                                    \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ECDH-ES+A256KW\",\"x\":" x    \
	",\"y\":" y "}"
#define KEY EC("\"" X "\"", "\"" Y "\"")

static struct bytes of(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

/* ---- POST /auth ---- */

static int request(const char *body, struct net_auth *ret, struct cause *why)
{
	why->text[0] = '\0';
	return message_read_request(of(body), ret, why);
}

static void request_is(const char *body, int r)
{
	struct net_auth a = { .coco = 7 };
	struct cause why;
	int got = request(body, &a, &why);

	if (got != r)
		fail_msg("%d, not %d: %s", got, r, body);
	if (r < 0) {
		assert_int_equal(a.coco, 7);
		assert_true(why.text[0]);
	}
}

/* @coco is the value of the member. */
static void coco_is(const char *coco, int r)
{
	char body[8192];

	snprintf(body, sizeof(body),
		 "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{\"coco\":%s}}", coco);
	request_is(body, r);
}

static void test_request_of_our_guest(void **state)
{
	struct net_auth sent = { .tee = "az-tdx-vtpm", .coco = 1, .n_paths = 3 }, got;
	struct cause why;
	char *body;

	memset(sent.boot, 0xb0, sizeof(sent.boot));
	strcpy(sent.paths[0], "default/luks/root");
	strcpy(sent.paths[1], "+pkcs11/wrap-key?slot=1");
	memset(sent.paths[2], 'p', BROKER_PATH_LEN - 1);
	sent.paths[2][3] = sent.paths[2][9] = '/';
	assert_int_equal(rcar_build_request(&sent, &body), 0);
	assert_int_equal(request(body, &got, &why), 0);
	assert_memory_equal(&got, &sent, sizeof(sent));
	free(body);
	sent = (struct net_auth){ .tee = "snp" };
	assert_int_equal(rcar_build_request(&sent, &body), 0);
	assert_int_equal(request(body, &got, &why), 0);
	assert_memory_equal(&got, &sent, sizeof(sent));
	free(body);
	sent.coco = 1;
	assert_int_equal(rcar_build_request(&sent, &body), 0);
	assert_int_equal(request(body, &got, &why), 0);
	assert_memory_equal(&got, &sent, sizeof(sent));
	free(body);
}

static void test_largest_request(void **state)
{
	struct net_auth sent = { .tee = "az-snp-vtpm", .coco = 1, .n_paths = BROKER_PATHS_MAX };
	struct net_auth got;
	struct cause why;
	char *body;

	for (unsigned i = 0; i < BROKER_PATHS_MAX; i++) {
		memset(sent.paths[i], 'a' + (int)i, BROKER_PATH_LEN - 1);
		sent.paths[i][3] = sent.paths[i][9] = '/';
	}
	assert_int_equal(rcar_build_request(&sent, &body), 0);
	assert_int_equal(request(body, &got, &why), 0);
	assert_memory_equal(&got, &sent, sizeof(sent));
	free(body);
}

static void test_request_form(void **state)
{
	static const struct {
		const char *body;
		int r;
	} cases[] = {
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{}}", 0 },
		{ " {\"extra-params\":\"\",\"tee\":\"tdx\",\"version\":\"0.4.0\"}\n", 0 },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":null}", 0 },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":[{\"coco\":1}]}", 0 },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{},\"more\":1}", 0 },
		{ "", -EBADMSG },
		{ "{}", -EBADMSG },
		{ "null", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\"}", -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"extra-params\":{}}", -EBADMSG },
		{ "{\"tee\":\"snp\",\"extra-params\":{}}", -EBADMSG },
		{ "{\"version\":0.4,\"tee\":\"snp\",\"extra-params\":{}}", -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":1,\"extra-params\":{}}", -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":null,\"extra-params\":{}}", -EBADMSG },
		/* twice, and behind it */
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"tee\":\"tdx\",\"extra-params\":{}}",
		  -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"t\\u0065e\":\"tdx\","
		  "\"extra-params\":{}}",
		  -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{\"coco\":1,"
		  "\"coco\":2}}",
		  -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{}}x", -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{}}{}", -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{}", -EBADMSG },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{},}", -EBADMSG },
		/* TEEs that nobody verifies here */
		{ "{\"version\":\"0.4.0\",\"tee\":\"SNP\",\"extra-params\":{}}", -EOPNOTSUPP },
		{ "{\"version\":\"0.4.0\",\"tee\":\"sample\",\"extra-params\":{}}", -EOPNOTSUPP },
		{ "{\"version\":\"0.4.0\",\"tee\":\"sev\",\"extra-params\":{}}", -EOPNOTSUPP },
		{ "{\"version\":\"0.4.0\",\"tee\":\"\",\"extra-params\":{}}", -EOPNOTSUPP },
		{ "{\"version\":\"0.4.0\",\"tee\":\"az-snp-vtpm-and-more\",\"extra-params\":{}}",
		  -EOPNOTSUPP },
		{ "{\"version\":\"0.4.0\",\"tee\":\"snp\\u0000\",\"extra-params\":{}}", -EBADMSG },
		/* other versions come before everything else */
		{ "{\"version\":\"0.1.0\"}", -EPROTO },
		{ "{\"version\":\"0.4.0 \"}", -EPROTO },
		{ "{\"version\":\"\"}", -EPROTO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		request_is(cases[i].body, cases[i].r);
}

static void test_request_size(void **state)
{
	char body[MESSAGE_REQUEST_MAX + 2];
	struct net_auth a;
	struct cause why;
	int n = snprintf(body, sizeof(body),
			 "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":{}}");

	memset(body + n, ' ', sizeof(body) - (size_t)n);
	assert_int_equal(message_read_request((struct bytes){ (uint8_t *)body,
							      MESSAGE_REQUEST_MAX },
					      &a, &why),
			 0);
	assert_int_equal(message_read_request((struct bytes){ (uint8_t *)body,
							      MESSAGE_REQUEST_MAX + 1 },
					      &a, &why),
			 -EBADMSG);
}

static void test_depth(void **state)
{
	char body[4096];
	int n = snprintf(body, sizeof(body),
			 "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":");

	memset(body + n, '[', 1000);
	memset(body + n + 1000, ']', 1000);
	strcpy(body + n + 2000, "}");
	request_is(body, -EBADMSG);
}

static void test_version_text(void **state)
{
	static const struct {
		const char *version, *said;
	} cases[] = {
		{ "0.1.1", "is 0.1.1" },
		{ "0.4.0-rc1", "is 0.4.0-rc1" },
		{ "0.4.0\\u001b[2J", "is another" },
		{ "0.4.0 while you wait", "is another" },
		{ "0.000000000000000000000000000000000", "is another" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct net_result result = { .error = NET_OK };
		struct net_auth a;
		struct cause why;
		char body[512], *json;

		snprintf(body, sizeof(body),
			 "{\"version\":\"%s\",\"tee\":\"x\",\"extra-params\":{}}",
			 cases[i].version);
		assert_int_equal(request(body, &a, &why), -EPROTO);
		assert_non_null(strstr(why.text, "KBS Client Protocol Version Mismatch: expect "
						 "=0.4.0 while the request is "));
		assert_non_null(strstr(why.text, cases[i].said));
		/* So that our guests know what it means. */
		assert_int_equal(message_build_error("AttestationError", why.text, NULL, &json), 0);
		refusal_read(REFUSAL_AUTH, 401, 0, of(json), &result);
		assert_int_equal(result.error, NET_VERSION);
		free(json);
	}
}

/* ---- "coco" ---- */

static void test_coco(void **state)
{
	coco_is("{\"v\":1,\"boot\":\"" BOOT "\"}", 0);
	coco_is("{\"boot\":\"" BOOT "\",\"uris\":[\"kbs:///a/b/c\"],\"v\":1}", 0);
	/* Some writers escape the slash. */
	coco_is("{\"boot\":\"" BOOT "\",\"uris\":[\"kbs:\\/\\/\\/a\\/b\\/c\"],\"v\":1}", 0);
	coco_is("null", -EBADMSG);
	coco_is("{}", -EBADMSG);
	coco_is("[]", -EBADMSG);
	coco_is("1", -EBADMSG);
	coco_is("{\"v\":1}", -EBADMSG);
	coco_is("{\"boot\":\"" BOOT "\"}", -EBADMSG);
	coco_is("{\"v\":2,\"boot\":\"" BOOT "\"}", -EBADMSG);
	coco_is("{\"v\":0,\"boot\":\"" BOOT "\"}", -EBADMSG);
	coco_is("{\"v\":1.0,\"boot\":\"" BOOT "\"}", -EBADMSG);
	coco_is("{\"v\":\"1\",\"boot\":\"" BOOT "\"}", -EBADMSG);
	coco_is("{\"v\":18446744073709551617,\"boot\":\"" BOOT "\"}", -EBADMSG);
	coco_is("{\"v\":true,\"boot\":\"" BOOT "\"}", -EBADMSG);
	coco_is("{\"v\":1,\"boot\":\"" BOOT "\",\"more\":1}", -EBADMSG);
}

static void test_boot(void **state)
{
	static const char *const bad[] = {
		"\"\"",
		"null",
		"176",
		/* 31 and 33 bytes */
		"\"sLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsA==\"",
		"\"sLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCw\"",
		/* unused bits, no padding, blanks, the other alphabet */
		"\"sLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLB=\"",
		"\"sLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLA\"",
		"\" LCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLA=\"",
		"\"sLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLA=\\n\"",
		"\"-LCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLA=\"",
		"\"sLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLA=\\u0000\"",
	};
	char coco[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(coco, sizeof(coco), "{\"v\":1,\"boot\":%s}", bad[i]);
		coco_is(coco, -EBADMSG);
	}
}

static void uris_are(const char *uris, int r)
{
	char coco[4096];

	snprintf(coco, sizeof(coco), "{\"v\":1,\"boot\":\"" BOOT "\",\"uris\":%s}", uris);
	coco_is(coco, r);
}

static void test_uris(void **state)
{
	static const char *const bad[] = {
		"[]",
		"null",
		"{}",
		"\"kbs:///a/b/c\"",
		"[1]",
		"[null]",
		"[[\"kbs:///a/b/c\"]]",
		"[\"\"]",
		"[\"a/b/c\"]",
		"[\"kbs:///a/b\"]",
		"[\"kbs:///a/b/c/d\"]",
		"[\"kbs:///a/../c\"]",
		"[\"kbs:///a//c\"]",
		"[\"kbs:///a/b/c\\u0000\"]",
		"[\"kbs:///a/b/c \"]",
		"[\"https:///a/b/c\"]",
		/* another broker's, and another way to write the same */
		"[\"kbs://other.example/a/b/c\"]",
		"[\"kbs+resource:///a/b/c\"]",
		"[\"KBS:///a/b/c\"]",
		/* twice */
		"[\"kbs:///a/b/c\",\"kbs:///a/b/d\",\"kbs:///a/b/c\"]",
	};
	char list[2048] = "[";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		uris_are(bad[i], -EBADMSG);
	for (unsigned i = 0; i < 17; i++) {
		sprintf(list + strlen(list), "%s\"kbs:///a/b/%u\"]", i ? "," : "", i);
		uris_are(list, i < BROKER_PATHS_MAX ? 0 : -EBADMSG);
		list[strlen(list) - 1] = '\0';
	}
	/* 255 bytes are a path, 256 are not. */
	memset(list, 'p', sizeof(list));
	memcpy(list, "[\"kbs:///a/b/", 13);
	strcpy(list + 9 + 255, "\"]");
	uris_are(list, 0);
	memset(list + 9 + 255, 'p', 3);
	strcpy(list + 9 + 256, "\"]");
	uris_are(list, -EBADMSG);
}

/* ---- the challenge ---- */

static void test_challenge(void **state)
{
	struct net_challenge c = { .has_salt = 0 };
	uint8_t nonce[32], salt[32], got[33];
	struct cause why;
	char *text;

	for (size_t i = 0; i < 32; i++) {
		nonce[i] = (uint8_t)(0xf8 + i);
		salt[i] = (uint8_t)i;
	}
	assert_int_equal(message_build_challenge(nonce, NULL, &text), 0);
	assert_non_null(strstr(text, "\"extra-params\":\"\""));
	assert_int_equal(rcar_read_challenge(of(text), &c, &why), 0);
	assert_int_equal(c.has_salt, 0);
	free(text);
	assert_int_equal(message_build_challenge(nonce, salt, &text), 0);
	assert_int_equal(rcar_read_challenge(of(text), &c, &why), 0);
	assert_int_equal(c.has_salt, 1);
	assert_memory_equal(c.salt, salt, 32);
	assert_int_equal(base64_decode(c.nonce, got, sizeof(got)), 32);
	assert_memory_equal(got, nonce, 32);
	free(text);
}

/* ---- POST /attest ---- */

static int attestation(const char *body, struct attestation *ret, struct cause *why)
{
	why->text[0] = '\0';
	return message_read_attestation(of(body), ret, why);
}

static void attestation_is(const char *body, int r)
{
	struct attestation a = { .init_data_len = 77 };
	struct cause why;
	int got = attestation(body, &a, &why);

	if (got != r)
		fail_msg("%d, not %d: %.300s (%s)", got, r, body, why.text);
	if (r < 0) {
		assert_int_equal(a.init_data_len, 77);
		assert_true(why.text[0]);
	} else
		attestation_done(&a);
}

#define BODY(init, nonce, key, evidence)                                            \
	"{\"init-data\":" init ",\"runtime-data\":{\"nonce\":" nonce                \
	",\"tee-pubkey\":" key "},\"tee-evidence\":" evidence "}"
#define EVIDENCE "{\"primary_evidence\":{\"a\":[1,2]},\"additional_evidence\":\"\"}"
#define GOOD BODY("null", "\"" NONCE "\"", KEY, EVIDENCE)

static void test_attestation_of_our_guest(void **state)
{
	for (unsigned curve = 0; curve < _BROKER_CURVE_MAX; curve++) {
		struct net_auth coco = { .coco = 1, .n_paths = 1, .paths = { "a/b/c" } };
		struct net_attest key = { .curve = curve };
		struct rcar_attestation sent = { .nonce = NONCE, .key = &key, .coco = &coco };
		struct attestation got;
		struct cause why;
		EVP_PKEY *pair;
		char *body;

		memset(coco.boot, 0xb0, sizeof(coco.boot));
		assert_int_equal(jwe_key_new(curve, &pair), 0);
		assert_int_equal(jwe_key_point(pair, curve, key.x, key.y), 0);
		key.coordinate_len = (uint32_t)broker_curve_len(curve);
		sent.evidence = json_tokener_parse("{\"quote\":\"AAAA\",\"cc_eventlog\":null}");
		sent.init_data = "version = \"0.1.0\"\n[data]\n\"a\" = '''\xc3\xa4\x7f'''\n";
		sent.init_data_len = strlen(sent.init_data);
		assert_int_equal(rcar_build_attestation(&sent, &body), 0);
		assert_int_equal(attestation(body, &got, &why), 0);
		assert_string_equal(got.nonce, NONCE);
		assert_int_equal(got.key.kind, curve == BROKER_P256 ? TEE_KEY_EC_P256 :
								      TEE_KEY_EC_P521);
		assert_int_equal(got.key.x_len, key.coordinate_len);
		assert_memory_equal(got.key.x, key.x, key.coordinate_len);
		assert_memory_equal(got.key.y, key.y, key.coordinate_len);
		assert_memory_equal(&got.coco, &coco, sizeof(coco));
		assert_int_equal(got.init_data_len, sent.init_data_len);
		assert_string_equal(got.init_data, sent.init_data);
		assert_true(json_object_equal(got.evidence, sent.evidence));
		attestation_done(&got);
		assert_null(got.evidence);
		free(body);
		json_object_put(sent.evidence);
		EVP_PKEY_free(pair);
	}
}

static void test_rd(void **state)
{
	static const uint8_t expected[] = {
		0x4d, 0x9c, 0x3f, 0x7c, 0x14, 0xf7, 0x78, 0x1c, 0x99, 0xef, 0x03, 0x8e,
		0x3c, 0x96, 0xa4, 0x87, 0xbf, 0xba, 0x85, 0x0d, 0xde, 0xa0, 0x1f, 0xbe,
		0x87, 0x13, 0xe4, 0x98, 0x03, 0x84, 0xbb, 0x26, 0xe8, 0x03, 0xd8, 0xee,
		0xb4, 0x32, 0x44, 0xcd, 0x23, 0x88, 0x4a, 0x54, 0x94, 0x19, 0x7e, 0x8b,
	};
	struct attestation a;
	struct cause why;

	assert_int_equal(attestation(GOOD, &a, &why), 0);
	assert_memory_equal(a.rd, expected, 48);
	assert_int_equal(a.coco.coco, 0);
	assert_null(a.init_data);
	attestation_done(&a);
	/* What is not in the canonical form does not count, and the order does not. */
	assert_int_equal(attestation(BODY("null", "\"" NONCE "\"",
					  "{\"y\":\"" Y "\",\"kid\":\"7\",\"x\":\"" X
					  "\",\"alg\":\"ECDH-ES+A256KW\",\"use\":\"enc\","
					  "\"crv\":\"P-256\",\"kty\":\"EC\"}",
					  EVIDENCE),
				     &a, &why),
			 0);
	assert_memory_equal(a.rd, expected, 48);
	attestation_done(&a);
}

static void test_attestation_form(void **state)
{
	static const struct {
		const char *body;
		int r;
	} cases[] = {
		{ GOOD, 0 },
		{ BODY("{\"format\":\"toml\",\"body\":\"\"}", "\"" NONCE "\"", KEY, EVIDENCE), 0 },
		{ "{\"runtime-data\":{\"nonce\":\"" NONCE "\",\"tee-pubkey\":" KEY
		  "},\"tee-evidence\":" EVIDENCE "}",
		  0 },
		{ GOOD "x", -EBADMSG },
		{ GOOD GOOD, -EBADMSG },
		{ "", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "{}", -EBADMSG },
		/* the nonce */
		{ BODY("null", "\"\"", KEY, EVIDENCE), -EBADMSG },
		{ BODY("null", "null", KEY, EVIDENCE), -EBADMSG },
		{ BODY("null", "\"0r7T1E+0Ubt0hRXfsFCsTrBg8fwUM4jwZtuBAKz3gDV=\"", KEY, EVIDENCE),
		  -EBADMSG },
		{ BODY("null", "\"0r7T1E+0Ubt0hRXfsFCsTrBg8fwUM4jwZtuBAKz3gDU\"", KEY, EVIDENCE),
		  -EBADMSG },
		{ BODY("null", "\"" NONCE " \"", KEY, EVIDENCE), -EBADMSG },
		{ BODY("null", "\"" NONCE "\",\"nonce\":\"" NONCE "\"", KEY, EVIDENCE), -EBADMSG },
		/* init data */
		{ BODY("\"\"", "\"" NONCE "\"", KEY, EVIDENCE), -EBADMSG },
		{ BODY("{}", "\"" NONCE "\"", KEY, EVIDENCE), -EBADMSG },
		{ BODY("{\"format\":\"json\",\"body\":\"\"}", "\"" NONCE "\"", KEY, EVIDENCE),
		  -EBADMSG },
		{ BODY("{\"format\":\"toml\",\"body\":null}", "\"" NONCE "\"", KEY, EVIDENCE),
		  -EBADMSG },
		{ BODY("{\"format\":\"toml\",\"body\":\"a\\u0000b\"}", "\"" NONCE "\"", KEY,
		       EVIDENCE),
		  -EBADMSG },
		/* evidence */
		{ BODY("null", "\"" NONCE "\"", KEY, "null"), -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY, "{\"primary_evidence\":{}}"), -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY, "{\"additional_evidence\":\"\"}"), -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY,
		       "{\"primary_evidence\":null,\"additional_evidence\":\"\"}"),
		  -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY,
		       "{\"primary_evidence\":\"{}\",\"additional_evidence\":\"\"}"),
		  -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY,
		       "{\"primary_evidence\":{\"a\":1,\"a\":2},\"additional_evidence\":\"\"}"),
		  -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY,
		       "{\"primary_evidence\":{},\"additional_evidence\":null}"),
		  -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY,
		       "{\"primary_evidence\":{},\"additional_evidence\":{}}"),
		  -EBADMSG },
		{ BODY("null", "\"" NONCE "\"", KEY,
		       "{\"primary_evidence\":{},\"additional_evidence\":\"{}\"}"),
		  -EOPNOTSUPP },
		{ BODY("null", "\"" NONCE "\"", KEY,
		       "{\"primary_evidence\":{},\"additional_evidence\":\"\\u007b\"}"),
		  -EOPNOTSUPP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		attestation_is(cases[i].body, cases[i].r);
}

static void key_is(const char *key, int r)
{
	char body[4096];

	snprintf(body, sizeof(body), BODY("null", "\"" NONCE "\"", "%s", EVIDENCE), key);
	attestation_is(body, r);
}

static void test_key(void **state)
{
	static const struct {
		const char *key;
		int r;
	} cases[] = {
		{ EC("\"" X "\"", "\"" Y "\""), 0 },
		{ "null", -EBADMSG },
		{ "{}", -EBADMSG },
		{ "\"" X "\"", -EBADMSG },
		/* off the curve, 31 bytes, 33 bytes, not base64url in its only form */
		{ EC("\"" X "\"", "\"" X "\""), -EBADMSG },
		{ EC("\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", "\"" Y "\""), -EBADMSG },
		{ EC("\"" X "AA\"", "\"" Y "\""), -EBADMSG },
		{ EC("\"tgbr8yvloSxUwLBoyeWvSfmm7PaFAEthgKzAoNX3Nqt\"", "\"" Y "\""), -EBADMSG },
		{ EC("\"" X "=\"", "\"" Y "\""), -EBADMSG },
		{ EC("\"\"", "\"\""), -EBADMSG },
		{ EC("\"" X "\"", "1"), -EBADMSG },
		{ EC("\"" X "\"", "null"), -EBADMSG },
		{ EC("\"" X "\"", "\"" Y "\",\"y\":\"" Y "\""), -EBADMSG },
		/* a private key has been sent */
		{ EC("\"" X "\"", "\"" Y "\",\"d\":\"" Y "\""), -EBADMSG },
		/* other kinds */
		{ "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"alg\":\"ECDH-ES+A256KW\",\"x\":\"" X
		  "\"}",
		  -EOPNOTSUPP },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"alg\":\"ECDH-ES+A256KW\",\"x\":\"" X
		  "\",\"y\":\"" Y "\"}",
		  -EOPNOTSUPP },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ECDH-ES\",\"x\":\"" X
		  "\",\"y\":\"" Y "\"}",
		  -EOPNOTSUPP },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}",
		  -EOPNOTSUPP },
		{ "{\"kty\":\"ec\",\"crv\":\"P-256\",\"alg\":\"ECDH-ES+A256KW\",\"x\":\"" X
		  "\",\"y\":\"" Y "\"}",
		  -EOPNOTSUPP },
		{ "{\"kty\":\"RSA\",\"alg\":\"RSA1_5\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		  -EOPNOTSUPP },
		{ "{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		  -EOPNOTSUPP },
		{ "{\"kty\":\"EC\",\"alg\":\"RSA-OAEP-256\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		  -EOPNOTSUPP },
		/* on another curve than it says */
		{ "{\"kty\":\"EC\",\"crv\":\"P-521\",\"alg\":\"ECDH-ES+A256KW\",\"x\":\"" X
		  "\",\"y\":\"" Y "\"}",
		  -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		key_is(cases[i].key, cases[i].r);
}

/* A modulus of @bytes bytes, all 0xdb, and an exponent in base64url. */
static void rsa_is(size_t bytes, const char *e, int r)
{
	_cleanup_(freep) char *n = NULL;
	uint8_t modulus[1024];
	char key[2048];

	memset(modulus, 0xdb, sizeof(modulus));
	assert_int_equal(base64url_encode(modulus, bytes, &n), 0);
	snprintf(key, sizeof(key),
		 "{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP-256\",\"n\":\"%s\",\"e\":\"%s\"}", n, e);
	key_is(key, r);
}

static void test_rsa(void **state)
{
	rsa_is(256, "AQAB", 0);
	rsa_is(512, "AQAB", 0);
	rsa_is(256, "Aw", 0);
	rsa_is(64, "AQAB", -EBADMSG);	/* 512 bits */
	rsa_is(128, "AQAB", -EBADMSG);
	rsa_is(513, "AQAB", -EBADMSG);
	rsa_is(1024, "AQAB", -EBADMSG);
	rsa_is(256, "AQ", -EBADMSG);	/* 1 */
	rsa_is(256, "Ag", -EBADMSG);
	rsa_is(256, "", -EBADMSG);
	rsa_is(256, "AAEAAQ", -EBADMSG);
	rsa_is(256, "AQAAAAE", -EBADMSG);
}

/* Evidence that is nested, and evidence that takes much memory for few bytes. */
static void test_evidence_size(void **state)
{
	const size_t n = 70000;
	char *values = malloc(2 * n + 1), *body = malloc(2 * n + 4096);

	for (size_t i = 0; i < n; i++)
		memcpy(values + 2 * i, "1,", 2);
	values[2 * n - 1] = '\0';
	sprintf(body,
		BODY("null", "\"" NONCE "\"", KEY,
		     "{\"primary_evidence\":{\"a\":[%s]},\"additional_evidence\":\"\"}"),
		values);
	attestation_is(body, -EBADMSG);
	values[2 * 60000 - 1] = '\0';
	sprintf(body,
		BODY("null", "\"" NONCE "\"", KEY,
		     "{\"primary_evidence\":{\"a\":[%s]},\"additional_evidence\":\"\"}"),
		values);
	attestation_is(body, 0);
	memset(values, '[', 1000);
	memset(values + 1000, ']', 1000);
	values[2000] = '\0';
	sprintf(body,
		BODY("null", "\"" NONCE "\"", KEY,
		     "{\"primary_evidence\":{\"a\":%s},\"additional_evidence\":\"\"}"),
		values);
	attestation_is(body, -EBADMSG);
	/* The deepest that jspan_check() takes, json-c takes too. */
	for (size_t depth = 1; depth < 40; depth++) {
		struct attestation a;
		struct cause why;
		int r;

		memset(values, '[', depth);
		memset(values + depth, ']', depth);
		values[2 * depth] = '\0';
		sprintf(body,
			BODY("null", "\"" NONCE "\"", KEY,
			     "{\"primary_evidence\":{\"a\":%s},\"additional_evidence\":\"\"}"),
			values);
		r = attestation(body, &a, &why);
		assert_int_equal(r, depth <= JSPAN_DEPTH_MAX - 3 ? 0 : -EBADMSG);
		if (r == 0)
			attestation_done(&a);
	}
	free(values);
	free(body);
}

static void test_largest(void **state)
{
	static const char start[] = "{\"runtime-data\":{\"nonce\":\"" NONCE "\",\"tee-pubkey\":" KEY
				    "},\"tee-evidence\":{\"additional_evidence\":\"\","
				    "\"primary_evidence\":{\"quote\":\"";
	char *body = malloc(MESSAGE_ATTESTATION_MAX + 2);
	struct attestation a;
	struct cause why;

	memset(body, 'A', MESSAGE_ATTESTATION_MAX + 1);
	memcpy(body, start, strlen(start));
	strcpy(body + MESSAGE_ATTESTATION_MAX - 4, "\"}}}");
	assert_int_equal(attestation(body, &a, &why), 0);
	attestation_done(&a);
	strcpy(body + MESSAGE_ATTESTATION_MAX, " ");
	attestation_is(body, -EBADMSG);
	free(body);
}

static void test_tee_key_text(void **state)
{
	struct json_object *o, *expected = json_tokener_parse(KEY);
	char *text;
	struct attestation a;
	struct cause why;

	assert_int_equal(attestation(GOOD, &a, &why), 0);
	assert_int_equal(tee_key_text(&a.key, &text), 0);
	o = json_tokener_parse(text);
	assert_true(json_object_equal(o, expected));
	json_object_put(o);
	json_object_put(expected);
	free(text);
	attestation_done(&a);
}

/* ---- POST /coco/confirm ---- */

static void test_confirm(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"\"kbs:///a/b/c\"",
		"{\"uri\":null}",
		"{\"uri\":1}",
		"{\"uri\":\"\"}",
		"{\"uri\":\"a/b/c\"}",
		"{\"uri\":\"kbs://host/a/b/c\"}",
		"{\"uri\":\"kbs:///a/b/c\",\"uri\":\"kbs:///a/b/d\"}",
		"{\"uri\":\"kbs:///a/b/c\",\"more\":1}",
		"{\"uri\":[\"kbs:///a/b/c\"]}",
		"{\"uri\":\"kbs:///a/b/c\"}x",
	};
	char path[BROKER_PATH_LEN] = "untouched", *body;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(message_read_confirm(of(bad[i]), path), -EBADMSG);
	assert_string_equal(path, "untouched");
	assert_int_equal(rcar_build_confirm("+pkcs11/wrap?x=1", &body), 0);
	assert_int_equal(message_read_confirm(of(body), path), 0);
	assert_string_equal(path, "+pkcs11/wrap?x=1");
	free(body);
}

/* ---- refusals ---- */

static void test_error(void **state)
{
	struct net_result r = { .error = NET_OK };
	struct json_object *o, *m;
	char *text;

	assert_int_equal(message_build_error("PolicyDeny", "no \"more\" \\ \n\x1b[2J\xff",
					     "7f3a-21c0", &text), 0);
	o = json_tokener_parse(text);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "type", &m));
	assert_string_equal(json_object_get_string(m),
			    "https://github.com/confidential-containers/kbs/errors/PolicyDeny");
	assert_true(json_object_object_get_ex(o, "detail", &m));
	assert_string_equal(json_object_get_string(m), "no \"more\" \\ ??[2J?");
	json_object_put(o);
	refusal_read(REFUSAL_GET, 401, 0, of(text), &r);
	assert_int_equal(r.error, NET_POLICY);
	assert_string_equal(r.id, "7f3a-21c0");
	free(text);
	assert_int_equal(message_build_error("Released", "", NULL, &text), 0);
	assert_null(strstr(text, "\"id\""));
	refusal_read(REFUSAL_GET, 401, 0, of(text), &r);
	assert_int_equal(r.error, NET_RELEASED);
	free(text);
}

/* ---- what others send ---- */

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *m;

	return json_object_object_get_ex(o, name, &m) ? m : NULL;
}

static const char *json_text(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
}

/* A sample TEE is verified by nobody here. */
static void test_vectors_requests(void **state)
{
	char path[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(path, REQUESTS));

	assert_non_null(all);
	assert_true(json_object_array_length(all) >= 7);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *o = json_object_array_get_idx(all, i);
		const char *tee = json_object_get_string(member(member(o, "body"), "tee"));
		bool good = json_object_get_int(member(o, "expect_status")) == 200 &&
			    strcmp(tee, "sample") != 0;
		struct net_auth a;
		struct cause why;
		int r = request(json_text(member(o, "body")), &a, &why);

		if (good != (r == 0))
			fail_msg("%s: %d", json_text(o), r);
	}
	json_object_put(all);
}

static void exchange(const char *name)
{
	char path[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(path, name)), *step;
	struct attestation a;
	struct cause why;
	uint8_t rd[48];

	assert_non_null(all);
	step = json_object_array_get_idx(member(all, "steps"), 1);
	assert_int_equal(attestation(json_text(member(member(step, "request"), "body")), &a, &why),
			 0);
	assert_int_equal(hex_decode(json_object_get_string(member(all, "runtime_data_sha384")), 48,
				    rd), 0);
	assert_memory_equal(a.rd, rd, 48);
	attestation_done(&a);
	json_object_put(all);
}

static void test_vectors_ec(void **state)
{
	exchange(EXCHANGE_EC);
}

static void test_vectors_rsa(void **state)
{
	exchange(EXCHANGE_RSA);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_requests),
		cmocka_unit_test(test_vectors_ec),
		cmocka_unit_test(test_vectors_rsa),
		cmocka_unit_test(test_request_of_our_guest),
		cmocka_unit_test(test_largest_request),
		cmocka_unit_test(test_request_form),
		cmocka_unit_test(test_request_size),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_version_text),
		cmocka_unit_test(test_coco),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_attestation_of_our_guest),
		cmocka_unit_test(test_rd),
		cmocka_unit_test(test_attestation_form),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_rsa),
		cmocka_unit_test(test_evidence_size),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_tee_key_text),
		cmocka_unit_test(test_confirm),
		cmocka_unit_test(test_error),
	};

	vectors_or_skip(&tests[0], REQUESTS);
	vectors_or_skip(&tests[1], EXCHANGE_EC);
	vectors_or_skip(&tests[2], EXCHANGE_RSA);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
