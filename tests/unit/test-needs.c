/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and forms of what evidence needs; what it needs is for tests/run/attest-fetch.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/gather/imds.h"
#include "attest/needs.h"

#include <cmocka.h>

static void test_names(void **state)
{
	static const char *const ours[] = { "cert-vcek-Milan-00-11.der", "cert-chain-vlek-Turin.pem", "crl-vcek-Milan.der", "tcb-info-90c06f000000.json",
					    "tcb-chain-90c06f000000.pem", "qe-identity.json", "qe-chain.pem", "pck-crl-platform.der", "root-crl.der" };
	static const char *const others[] = { "", "cert-vcek.der", "cert-ark.pem", "cert-chain-.txt", "crl.der", "tcb-info.json", "attest.conf", ".", "..",
					      "cert-vcek-x.der.AbCdEf", "../crl-x" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_true(need_is_name(ours[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(need_is_name(others[i]));
}

static void test_chain(void **state)
{
	static const char *const bad[] = { "", "x", "%", "-----BEGIN%", "-----BEGIN%4", "-----BEGIN%4g", "-----BEGIN%00", "-----BEGIN%1b", "-----BEGIN\033", "-----BEGIN%7f",
					   "-----BEGIN%c3%a4", "%2d%2d%2d%2d%2dbegin" };
	char out[64];

	assert_int_equal(need_decode_chain("-----BEGIN%20X-----%0Aa+b%2Bc%2fd%3D%0d%0A", out), 0);
	assert_string_equal(out, "-----BEGIN X-----\na+b+c/d=\r\n");
	assert_int_equal(need_decode_chain("%2D%2d%2d%2d%2dBEGIN x", out), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(need_decode_chain(bad[i], out), -EBADMSG);
}

static void test_digits(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = { { "30820a0B", "\x30\x82\x0a\x0b" }, { "41\r\n", "A" }, { "414", "414" }, { "4g", "4g" }, { "41 42", "41 42" }, { "", "" }, { "\n", "\n" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].text);
		uint8_t data[16];

		memcpy(data, rows[i].text, len);
		need_unhex(data, &len);
		assert_int_equal(len, strlen(rows[i].want));
		assert_memory_equal(data, rows[i].want, len);
	}
}

static void test_no_evidence(void **state)
{
	static const uint8_t zeros[SNP_REPORT_LEN];
	char problem[NEEDS_PROBLEM_LEN] = "";
	struct evidence e = { .n_certs = 0 };
	struct needs n;

	assert_int_equal(needs_find(&e, NULL, &n, problem), -ENODATA);
	assert_string_not_equal(problem, "");
	e.piece[EVIDENCE_REPORT] = (struct bytes){ zeros, sizeof(zeros) - 1 };
	assert_int_equal(needs_find(&e, NULL, &n, problem), -EBADMSG);
	e.piece[EVIDENCE_REPORT].len++;
	assert_int_equal(needs_find(&e, NULL, &n, problem), -EBADMSG);
	e.piece[EVIDENCE_HCL] = e.piece[EVIDENCE_REPORT];
	assert_int_equal(needs_find(&e, NULL, &n, problem), -EBADMSG);
}

static int certification(const char *json, char *vcek, char *chain)
{
	return imds_read_certification((struct bytes){ (const uint8_t *)json, strlen(json) }, vcek,
				       chain);
}

static void test_certification(void **state)
{
	static const char *const bad[] = { "", "{}", "[]", "{\"vcekCert\":1}", "{\"vcekCert\":null}", "{\"certificateChain\":\"x\"}", "{\"vcekCert\":\"\\u000a\"}",
					   "{\"vcekCert\":\"\\b\"}", "{\"vcekCert\":\"x\",\"vcekCert\":\"y\"}", "{\"vcekCert\":\"x\",\"certificateChain\":2}",
					   "{\"vcekCert\":\"x\"", "{\"vcekCert\":\"x\\\"}" };
	char vcek[IMDS_PEM_MAX], chain[IMDS_PEM_MAX], *long_text;

	assert_int_equal(certification(" {\"a\":{},\"vcekCert\":\"a\\nb\\/\\\\\\\"\\r\\t\",\"certificateChain\":\"\"}\n",
				       vcek, chain),
			 0);
	assert_string_equal(vcek, "a\nb/\\\"\r\t");
	assert_string_equal(chain, "");
	assert_int_equal(certification("{\"vcekCert\":\"x\"}", vcek, chain), 0);
	assert_string_equal(chain, "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(certification(bad[i], vcek, chain), -EBADMSG);

	/* One byte too many, and just as many as may be. */
	assert_true(asprintf(&long_text, "{\"vcekCert\":\"%0*d\"}", IMDS_PEM_MAX, 0) > 0);
	assert_int_equal(certification(long_text, vcek, chain), -EMSGSIZE);
	free(long_text);
	assert_true(asprintf(&long_text, "{\"vcekCert\":\"%0*d\"}", IMDS_PEM_MAX - 1, 0) > 0);
	assert_int_equal(certification(long_text, vcek, chain), 0);
	free(long_text);
}

static void test_quote(void **state)
{
	static const struct {
		const char *json;
		int r;
		size_t len;
	} rows[] = {
		{ "{\"quote\":\"-_8\"}", 0, 2 }, { "{\"quote\":\"-_8=\"}", 0, 2 },	  { "{\"quote\":\"\"}", 0, 0 },	       { "{\"quote\":\"-_9\"}", -EBADMSG, 0 },
		{ "{\"quote\":\"=-_8\"}", -EBADMSG, 0 }, { "{\"quote\":\"+/8\"}", -EBADMSG, 0 }, { "{\"quote\":7}", -EBADMSG, 0 }, { "{}", -EBADMSG, 0 },
		{ "\"quote\"", -EBADMSG, 0 },
	};
	static uint8_t quote[IMDS_QUOTE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = 0;

		assert_int_equal(imds_read_quote((struct bytes){ (const uint8_t *)rows[i].json,
								 strlen(rows[i].json) },
						 quote, &len),
				 rows[i].r);
		assert_int_equal(len, rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_chain),
		cmocka_unit_test(test_digits),	      cmocka_unit_test(test_no_evidence),
		cmocka_unit_test(test_certification), cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
