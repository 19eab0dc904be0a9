/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "agent/net/refusal.h"
#include "base/macro.h"
#include "tests/unit/vectors.h"

#define TYPE(name) "\"type\":\"https://github.com/confidential-containers/kbs/errors/" name "\""

static struct net_result read_answer(enum refusal_step step, int status, const char *body)
{
	struct net_result r = { .url = 3, .error = 99, .text = "old", .id = "old" };

	refusal_read(step, status, 7, (struct bytes){ (const uint8_t *)body, strlen(body) }, &r);
	assert_int_equal(r.url, 3);
	assert_int_equal(r.retry_sec, 7);
	assert_int_equal(r.status, status);
	assert_true(r.error > NET_OK && r.error < _NET_ERROR_MAX);
	assert_non_null(memchr(r.text, 0, sizeof(r.text)));
	assert_non_null(memchr(r.id, 0, sizeof(r.id)));
	assert_string_not_equal(r.text, "");
	assert_string_not_equal(r.text, "old");
	assert_string_not_equal(r.id, "old");
	return r;
}

static void assert_means(enum refusal_step step, int status, const char *body, unsigned error)
{
	struct net_result r = read_answer(step, status, body);

	if (r.error != error)
		fail_msg("step %d, %d %s: %s, not %s", step, status, body, net_error_name(r.error),
			 net_error_name(error));
}

static void test_steps(void **state)
{
	static const struct {
		const char *body;
		unsigned errors[_REFUSAL_STEP_MAX];
	} cases[] = {
		{ "{" TYPE("PolicyDeny") ",\"detail\":\"x\"}",
		  { NET_REFUSED, NET_POLICY, NET_POLICY, NET_REFUSED } },
		{ "{" TYPE("AttestationError") ",\"detail\":\"x\"}",
		  { NET_REFUSED, NET_EVIDENCE, NET_SESSION, NET_SESSION } },
		{ "{" TYPE("TokenNotFound") ",\"detail\":\"x\"}",
		  { NET_SESSION, NET_SESSION, NET_SESSION, NET_SESSION } },
		{ "{" TYPE("TokenVerifierError") ",\"detail\":\"x\"}",
		  { NET_SESSION, NET_SESSION, NET_SESSION, NET_SESSION } },
		{ "{" TYPE("PluginInternalError") ",\"detail\":\"x\"}",
		  { NET_REFUSED, NET_REFUSED, NET_ABSENT, NET_REFUSED } },
		{ "{" TYPE("PluginNotFound") ",\"detail\":\"x\"}",
		  { NET_PROTOCOL, NET_PROTOCOL, NET_ABSENT, NET_UNSUPPORTED } },
		{ "{" TYPE("InvalidRequestPath") ",\"detail\":\"x\"}",
		  { NET_PROTOCOL, NET_PROTOCOL, NET_ABSENT, NET_UNSUPPORTED } },
		{ "{" TYPE("Released") "}",
		  { NET_REFUSED, NET_REFUSED, NET_RELEASED, NET_REFUSED } },
		{ "{" TYPE("Rebooted") "}",
		  { NET_REFUSED, NET_REFUSED, NET_REBOOTED, NET_REFUSED } },
		{ "{" TYPE("Approval") "}",
		  { NET_REFUSED, NET_APPROVAL, NET_APPROVAL, NET_REFUSED } },
		{ "{" TYPE("Unheard") "}", { NET_REFUSED, NET_REFUSED, NET_REFUSED, NET_REFUSED } },
		{ "{\"type\":\"PolicyDeny\"}",
		  { NET_REFUSED, NET_POLICY, NET_POLICY, NET_REFUSED } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (enum refusal_step step = 0; step < _REFUSAL_STEP_MAX; step++)
			assert_means(step, 401, cases[i].body, cases[i].errors[step]);
}

static void test_busy(void **state)
{
	static const int busy[] = { 429, 502, 503, 504 };

	for (size_t i = 0; i < ARRAY_SIZE(busy); i++) {
		assert_means(REFUSAL_GET, busy[i], "", NET_BUSY);
		assert_means(REFUSAL_AUTH, busy[i], "<html>", NET_BUSY);
		assert_means(REFUSAL_ATTEST, busy[i], "{" TYPE("PolicyDeny") "}", NET_BUSY);
	}
}

static void test_no_words(void **state)
{
	struct net_result r;

	assert_means(REFUSAL_GET, 401, "", NET_REFUSED);
	assert_means(REFUSAL_GET, 403, "<html>", NET_REFUSED);
	assert_means(REFUSAL_ATTEST, 413, "", NET_REFUSED);
	assert_means(REFUSAL_GET, 404, "", NET_PROTOCOL);
	assert_means(REFUSAL_GET, 302, "", NET_PROTOCOL);
	assert_means(REFUSAL_GET, 204, "", NET_PROTOCOL);
	assert_means(REFUSAL_GET, 500, "[]", NET_PROTOCOL);
	assert_means(REFUSAL_GET, 404, "{\"type\":1}", NET_PROTOCOL);
	/* Two members of one name say nothing. */
	assert_means(REFUSAL_GET, 404, "{" TYPE("PolicyDeny") "," TYPE("Released") "}",
		     NET_PROTOCOL);
	r = read_answer(REFUSAL_GET, 404, "");
	assert_string_equal(r.text, "HTTP status 404");
	assert_string_equal(r.id, "");
}

static void test_version(void **state)
{
	static const char body[] = "{" TYPE(
		"AttestationError") ",\"detail\":\"Attestation error: RCAR handshake Auth "
				    "failed: KBS Client Protocol Version Mismatch: expect =0.5.1 "
				    "while the request is "
				    "0.4.0\"}";
	struct net_result r = read_answer(REFUSAL_AUTH, 401, body);

	assert_int_equal(r.error, NET_VERSION);
	assert_string_equal(r.text, "it expects version 0.5.1, and cocod speaks 0.4.0");
	/* A version that is no version is not shown as one. */
	assert_means(REFUSAL_AUTH, 401,
		     "{" TYPE("AttestationError") ",\"detail\":\"Protocol Version Mismatch: expect "
						  "=\\u0007\"}",
		     NET_REFUSED);
	assert_means(REFUSAL_AUTH, 401,
		     "{" TYPE("AttestationError") ",\"detail\":\"Protocol Version Mismatch: expect "
						  "=1111111111111111111111111111\"}",
		     NET_REFUSED);
}

static void test_text(void **state)
{
	char body[1400], name[600];
	struct net_result r;

	r = read_answer(REFUSAL_GET, 401,
			"{" TYPE("PolicyDeny") ",\"detail\":\"no \\u001b[1m "
					       "\\u202e\\n way\"}");
	assert_string_equal(r.text, "HTTP status 401, \"no ?[1m ?? way\"");
	r = read_answer(REFUSAL_GET, 401, "{" TYPE("Approval") "}");
	assert_string_equal(r.text, "HTTP status 401, \"Approval\"");
	r = read_answer(REFUSAL_GET, 401, "{" TYPE("Odd") ",\"detail\":\"why\"}");
	assert_string_equal(r.text, "HTTP status 401, Odd: \"why\"");
	/* What is quoted has a limited length, and is not cut within a character. */
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(body, sizeof(body), "{\"type\":\"/%s\",\"detail\":\"a%.*s\"}", name, 400,
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3"
		 "\xa9");
	r = read_answer(REFUSAL_GET, 401, body);
	assert_int_equal(r.error, NET_REFUSED);
	assert_true(strlen(r.text) < sizeof(r.text) - 1);
	assert_non_null(strstr(r.text, "\xa9?\""));
}

static void test_id(void **state)
{
	struct net_result r;

	r = read_answer(REFUSAL_GET, 401, "{" TYPE("PolicyDeny") ",\"id\":\"d-4F_12\"}");
	assert_string_equal(r.id, "d-4F_12");
	r = read_answer(REFUSAL_GET, 401,
			"{" TYPE("PolicyDeny") ",\"id\":\"0123456789012345678901234567890\"}");
	assert_int_equal(strlen(r.id), 31);
	r = read_answer(REFUSAL_GET, 401,
			"{" TYPE("PolicyDeny") ",\"id\":\"01234567890123456789012345678901\"}");
	assert_string_equal(r.id, "");
	r = read_answer(REFUSAL_GET, 401, "{" TYPE("PolicyDeny") ",\"id\":\"a b\"}");
	assert_string_equal(r.id, "");
	r = read_answer(REFUSAL_GET, 401, "{" TYPE("PolicyDeny") ",\"id\":7}");
	assert_string_equal(r.id, "");
}

/* All errors of others, at the step where they come. */
static void test_vectors(void **state)
{
	static const struct {
		const char *detail;
		enum refusal_step step;
		unsigned error;
	} wanted[] = {
		{ "Access denied by policy", REFUSAL_GET, NET_POLICY },
		{ "Attestation Token not found", REFUSAL_GET, NET_SESSION },
		{ "KBS Client Protocol Version Mismatch", REFUSAL_AUTH, NET_VERSION },
		{ "RCAR handshake Attest failed", REFUSAL_ATTEST, NET_EVIDENCE },
		{ "Plugin internal error", REFUSAL_GET, NET_ABSENT },
		{ "Plugin nosuch not found", REFUSAL_GET, NET_ABSENT },
		{ "Request path x is invalid", REFUSAL_GET, NET_ABSENT },
	};
	char path[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(path, "coco/kbs/errors.json"));
	size_t n;

	assert_non_null(all);
	n = json_object_array_length(all);
	assert_int_equal(n, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(all, i);
		const char *body = json_object_to_json_string(json_object_object_get(o, "body"));

		assert_non_null(strstr(body, wanted[i].detail));
		assert_means(wanted[i].step,
			     json_object_get_int(json_object_object_get(o, "status")), body,
			     wanted[i].error);
	}
	json_object_put(all);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),	 cmocka_unit_test(test_busy),
		cmocka_unit_test(test_no_words), cmocka_unit_test(test_version),
		cmocka_unit_test(test_text),	 cmocka_unit_test(test_id),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[6], "coco/kbs/errors.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
