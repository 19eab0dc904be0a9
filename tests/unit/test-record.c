/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/record.h"

#define POLICY "[Release]\nRelease=always\t# \"quoted\" \\ \xc3\xa9\n"

static struct secret_record a_secret(void)
{
	static uint8_t sealed[100];

	for (size_t i = 0; i < sizeof(sealed); i++)
		sealed[i] = (uint8_t)i;
	return (struct secret_record){ .path = "default/luks/vm1",
				       .version = 7,
				       .changed = 1800000000,
				       .policy = (char *)POLICY,
				       .policy_len = strlen(POLICY),
				       .sealed = sealed,
				       .sealed_len = sizeof(sealed) };
}

static void test_secret(void **state)
{
	struct secret_record r = a_secret(), again;
	char *text = NULL;

	assert_int_equal(secret_record_format(&r, &text), 0);
	assert_int_equal(secret_record_parse(text, strlen(text), &again), 0);
	assert_string_equal(again.path, r.path);
	assert_int_equal(again.version, 7);
	assert_int_equal(again.changed, r.changed);
	assert_int_equal(again.policy_len, r.policy_len);
	assert_string_equal(again.policy, POLICY);
	assert_int_equal(again.sealed_len, r.sealed_len);
	assert_memory_equal(again.sealed, r.sealed, r.sealed_len);
	secret_record_done(&again);
	/* Each cut is refused, and nothing is left to free. */
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(secret_record_parse(text, n, &again), -EBADMSG);
	free(text);
}

static void test_session(void **state)
{
	static struct session_record r = { .expiry = 1800000300,
					   .tee = BROKER_TEE_AZ_TDX,
					   .key = { .kind = TEE_KEY_EC_P521,
						    .x_len = 66,
						    .y_len = 66 },
					   .coco = { .tee = "az-tdx-vtpm",
						     .coco = 1,
						     .n_paths = 2,
						     .paths = { "default/luks/root" } },
					   .launch = { .known = true, .has_vtpm = true,
						       .reset_count = UINT32_MAX,
						       .why_not = "" } },
				    again;
	uint8_t evidence[3000];
	char *text = NULL;

	strcpy(r.coco.paths[1], "+p/a?b=c");
	memset(r.rd, 0xa5, sizeof(r.rd));
	memset(r.key.x, 1, 66);
	memset(r.key.y, 2, 66);
	memset(r.coco.boot, 3, sizeof(r.coco.boot));
	memset(r.launch.id, 4, sizeof(r.launch.id));
	memset(evidence, 5, sizeof(evidence));
	r.evidence = evidence;
	r.evidence_len = sizeof(evidence);
	assert_int_equal(session_record_format(&r, &text), 0);
	assert_int_equal(session_record_parse(text, strlen(text), &again), 0);
	assert_memory_equal(again.evidence, evidence, sizeof(evidence));
	assert_int_equal(again.evidence_len, sizeof(evidence));
	session_record_done(&again);
	again.evidence = r.evidence;
	again.evidence_len = r.evidence_len;
	assert_int_equal(again.expiry, r.expiry);
	assert_int_equal(again.tee, r.tee);
	assert_memory_equal(again.rd, r.rd, sizeof(r.rd));
	assert_memory_equal(&again.key, &r.key, sizeof(r.key));
	assert_memory_equal(&again.coco, &r.coco, sizeof(r.coco));
	assert_memory_equal(again.launch.id, r.launch.id, 32);
	assert_true(again.launch.known && again.launch.has_vtpm && !again.launch.released_before);
	assert_int_equal(again.launch.reset_count, UINT32_MAX);
	free(text);
	r.evidence_len = SESSION_EVIDENCE_MAX + 1;
	assert_int_equal(session_record_format(&r, &text), -EMSGSIZE);
	r.evidence_len = 1;
	r.tee = BROKER_TEE_NONE;
	assert_int_equal(session_record_format(&r, &text), -EMSGSIZE);
}

#define HEX_32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_48 HEX_32 "00112233445566778899aabbccddeeff"
#define CLAIM(launch, at, n, confirmed)                                                         \
	"{\"v\":1,\"has-launch\":true,\"launch\":\"" launch                                     \
	"\",\"has-boot\":true,\"boot\":\"" HEX_32 "\",\"rd\":\"" HEX_48 "\",\"at\":" at         \
	",\"n\":" n ",\"confirmed\":" confirmed ",\"release\":\"x\"}"

static void test_claim(void **state)
{
	static const char *const bad[] = {
		"", "{}", "null", "[]", CLAIM(HEX_32, "1", "0", "true"),
		CLAIM(HEX_32, "-1", "1", "true"), CLAIM(HEX_32, "1.0", "1", "true"),
		CLAIM(HEX_32, "1", "1", "1"), CLAIM(HEX_32, "1", "1", "null"),
		CLAIM(HEX_32, "1", "4294967296", "true"), CLAIM(HEX_32, "\"1\"", "1", "true"),
		CLAIM(HEX_32, "9223372036854775808", "1", "true"),
		CLAIM("00", "1", "1", "true"), CLAIM(HEX_48, "1", "1", "true"),
		/* a member twice, one more, one less, another form */
		CLAIM(HEX_32, "1", "1", "true,\"n\":2"), CLAIM(HEX_32, "1", "1", "true,\"m\":2"),
		"{\"v\":1,\"n\":1}", "{\"v\":2" ",\"n\":1}",
		CLAIM(HEX_32, "1", "1", "true") "x",
	};
	static const char good[] = CLAIM(HEX_32, "9223372036854775807", "5", "false");
	struct claim c, again;
	char *text = NULL;

	assert_int_equal(claim_parse(good, strlen(good), &c), 0);
	assert_int_equal(c.at, INT64_MAX);
	assert_int_equal(c.n, 5);
	assert_false(c.confirmed);
	assert_int_equal(c.launch[1], 0x11);
	assert_string_equal(c.release, "x");
	assert_int_equal(claim_format(&c, &text), 0);
	assert_string_equal(text, good);
	free(text);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&again, 0xee, sizeof(again));
		if (claim_parse(bad[i], strlen(bad[i]), &again) != -EBADMSG)
			fail_msg("%s", bad[i]);
		assert_int_equal(again.n, 0xeeeeeeee);
	}
}

static void test_launches(void **state)
{
	static struct launches_record l, again;
	char *text = NULL;

	assert_int_equal(launches_format(&l, &text), 0);
	assert_string_equal(text, "{\"v\":1,\"list\":[]}");
	assert_int_equal(launches_parse(text, strlen(text), &again), 0);
	assert_int_equal(again.n, 0);
	free(text);
	for (l.n = 0; l.n < LAUNCHES_MAX; l.n++) {
		l.list[l.n].at = 1000 + l.n / 2;
		l.list[l.n].launch[0] = (uint8_t)l.n;
	}
	assert_int_equal(launches_format(&l, &text), 0);
	assert_int_equal(launches_parse(text, strlen(text), &again), 0);
	assert_memory_equal(&again, &l, sizeof(l));
	/* One more, and out of order. */
	text[strlen(text) - 2] = '\0';
	text = realloc(text, strlen(text) + 200);
	strcat(text, ",{\"at\":9000,\"launch\":\"" HEX_32 "\"}]}");
	assert_int_equal(launches_parse(text, strlen(text), &again), -EBADMSG);
	assert_int_equal(again.n, 0);
	free(text);
	assert_int_equal(launches_parse("{\"v\":1,\"list\":{}}", 17, &again), -EBADMSG);
	text = strdup("{\"v\":1,\"list\":[{\"at\":2,\"launch\":\"" HEX_32
		      "\"},{\"at\":1,\"launch\":\"" HEX_32 "\"}]}");
	assert_int_equal(launches_parse(text, strlen(text), &again), -EBADMSG);
	free(text);
}

static void test_approval(void **state)
{
	struct approval a = { .id = "7f3a-21c0", .path = "default/luks/vm1", .asked = 5,
			      .has_launch = true, .reason = "\xff\x01 \"why\"" },
			again;
	char *text = NULL;

	assert_int_equal(approval_format(&a, &text), 0);
	assert_int_equal(approval_parse(text, strlen(text), &again), 0);
	assert_string_equal(again.reason, "?\x01 \"why\"");
	free(text);
	/* Nobody said yes. */
	a.approved = true;
	assert_int_equal(approval_format(&a, &text), 0);
	assert_int_equal(approval_parse(text, strlen(text), &again), -EBADMSG);
	free(text);
	a.answered = 6;
	strcpy(a.path, "default/luks");
	assert_int_equal(approval_format(&a, &text), 0);
	assert_int_equal(approval_parse(text, strlen(text), &again), -EBADMSG);
	free(text);
}

static void test_keys(void **state)
{
	char key[RECORD_KEY_LEN], path[BROKER_PATH_LEN];
	uint8_t launch[32] = { 0xab };
	struct cookie c = { .expiry = 0x01020304 };

	key_secret("a/b/c", key);
	assert_string_equal(key, "coco/secret/a/b/c");
	assert_int_equal(key_claim("a/b/c", PER_VM, launch, key), 0);
	assert_string_equal(key + strlen(key) - 3, "/vm");
	assert_int_equal(key_claim("a/b/c", PER_LAUNCH, launch, key), 0);
	assert_string_equal(key, "coco/claim/"
				 "d76a7b72669c9cec266b566bdec68efbc8d4f22d1f2689bbf0146bf0b88fdbe9"
				 "/ab000000000000000000000000000000"
				 "00000000000000000000000000000000");
	key_session(&c, key);
	assert_string_equal(key, "coco/session/01020304000000000000000000000000");
	/* The longest. */
	memset(path, 'a', sizeof(path));
	path[1] = path[3] = '/';
	path[sizeof(path) - 1] = '\0';
	key_secret(path, key);
	assert_string_equal(key + strlen("coco/secret/"), path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),	 cmocka_unit_test(test_session),
		cmocka_unit_test(test_claim),	 cmocka_unit_test(test_launches),
		cmocka_unit_test(test_approval), cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
