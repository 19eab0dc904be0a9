/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names and forms of the files that evidence needs; which files it needs is tested in
 * tests/run/attest-fetch.sh.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/bundle.h"
#include "attest/gather/imds.h"
#include "attest/needs.h"
#include "base/base64.h"
#include "base/io.h"
#include "wire/hcl.h"
#include "wire/snp-report.h"

#include <cmocka.h>

#include "tests/unit/platform.h"

static void test_names(void **state)
{
	static const char *const ours[] = { "cert-vcek-Milan-00-11.der",
					    "cert-chain-vlek-Turin.pem",
					    "crl-vcek-Milan.der",
					    "tcb-info-90c06f000000.json",
					    "tcb-chain-90c06f000000.pem",
					    "qe-identity.json",
					    "qe-chain.pem",
					    "pck-crl-platform.der",
					    "root-crl.der" };
	static const char *const others[] = {
		"",	   "cert-vcek.der",	     "cert-ark.pem", "cert-chain-.txt",
		"crl.der", "tcb-info.json",	     "attest.conf",  ".",
		"..",	   "cert-vcek-x.der.AbCdEf", "../crl-x"
	};

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_true(need_is_name(ours[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(need_is_name(others[i]));
}

static void test_chain(void **state)
{
	static const char *const bad[] = { "",
					   "x",
					   "%",
					   "-----BEGIN%",
					   "-----BEGIN%4",
					   "-----BEGIN%4g",
					   "-----BEGIN%00",
					   "-----BEGIN%1b",
					   "-----BEGIN\033",
					   "-----BEGIN%7f",
					   "-----BEGIN%c3%a4",
					   "%2d%2d%2d%2d%2dbegin" };
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
	} rows[] = { { "30820a0B", "\x30\x82\x0a\x0b" },
		     { "41\r\n", "A" },
		     { "414", "414" },
		     { "4g", "4g" },
		     { "41 42", "41 42" },
		     { "", "" },
		     { "\n", "\n" } };

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
	/* With two reports it is not guessed whose files are wanted. */
	e.piece[EVIDENCE_HCL] = e.piece[EVIDENCE_REPORT];
	assert_int_equal(needs_find(&e, NULL, &n, problem), -EINVAL);
	assert_string_equal(problem, "it is evidence of two kinds, 'snp' and 'azure': give one");
	e.piece[EVIDENCE_REPORT].p = NULL;
	assert_int_equal(needs_find(&e, NULL, &n, problem), -EBADMSG);
}

static int certification(const char *json, char *vcek, char *chain)
{
	return imds_read_certification((struct bytes){ (const uint8_t *)json, strlen(json) }, vcek,
				       chain);
}

static void test_certification(void **state)
{
	static const char *const bad[] = { "",
					   "{}",
					   "[]",
					   "{\"vcekCert\":1}",
					   "{\"vcekCert\":null}",
					   "{\"certificateChain\":\"x\"}",
					   "{\"vcekCert\":\"\\u000a\"}",
					   "{\"vcekCert\":\"\\b\"}",
					   "{\"vcekCert\":\"x\",\"vcekCert\":\"y\"}",
					   "{\"vcekCert\":\"x\",\"certificateChain\":2}",
					   "{\"vcekCert\":\"x\"",
					   "{\"vcekCert\":\"x\\\"}" };
	char vcek[IMDS_PEM_MAX], chain[IMDS_PEM_MAX], *long_text;

	assert_int_equal(certification(" {\"a\":{},\"vcekCert\":\"a\\nb\\/"
				       "\\\\\\\"\\r\\t\",\"certificateChain\":\"\"}\n",
				       vcek, chain),
			 0);
	assert_string_equal(vcek, "a\nb/\\\"\r\t");
	assert_string_equal(chain, "");
	assert_int_equal(certification("{\"vcekCert\":\"x\"}", vcek, chain), 0);
	assert_string_equal(chain, "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(certification(bad[i], vcek, chain), -EBADMSG);

	/* One byte too many, and just as many as allowed. */
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
		{ "{\"quote\":\"-_8\"}", 0, 2 },
		{ "{\"quote\":\"-_8=\"}", 0, 2 },
		{ "{\"quote\":\"\"}", 0, 0 },
		{ "{\"quote\":\"-_9\"}", -EBADMSG, 0 },
		{ "{\"quote\":\"=-_8\"}", -EBADMSG, 0 },
		{ "{\"quote\":\"+/8\"}", -EBADMSG, 0 },
		{ "{\"quote\":7}", -EBADMSG, 0 },
		{ "{}", -EBADMSG, 0 },
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

#define HCL_JSON "{}"
#define HCL_LEN (0x4d4 + sizeof(HCL_JSON) - 1)

static void add_hcl(struct bundle *b, enum hcl_kind kind)
{
	uint8_t hcl[HCL_LEN] = "HCLA";

	put_u32le(hcl + 4, 2);
	put_u32le(hcl + 8, sizeof(hcl));
	put_u32le(hcl + 0xc, 2);
	put_u32le(hcl + 0x4c0, 20 + sizeof(HCL_JSON) - 1);
	put_u32le(hcl + 0x4c4, 1);
	put_u32le(hcl + 0x4c8, kind);
	put_u32le(hcl + 0x4cc, HCL_SHA256);
	put_u32le(hcl + 0x4d0, sizeof(HCL_JSON) - 1);
	memcpy(hcl + 0x4d4, HCL_JSON, sizeof(HCL_JSON) - 1);
	assert_true(bundle_add(b, BUNDLE_HCL, hcl, sizeof(hcl)) >= 0);
}

/* The service is asked for a TD's quote where one is missing, and for nothing else here. */
static void test_who_is_asked(void **state)
{
	static const struct {
		bool has_hcl;
		enum hcl_kind kind;
		bool has_quote;
		int r;
	} rows[] = {
		{ true, HCL_TDX, false, -EHOSTUNREACH },
		{ true, HCL_TDX, true, 0 },
		{ true, HCL_SNP, false, 0 },
		{ true, HCL_SNP, true, 0 },
		{ true, HCL_VBS, false, 0 },
		{ false, HCL_TDX, false, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(bundle_done) struct bundle b = { 0 };
		struct cause why = { "" };

		if (rows[i].has_hcl)
			add_hcl(&b, rows[i].kind);
		if (rows[i].has_quote)
			assert_true(bundle_add(&b, BUNDLE_QUOTE, "q", 1) >= 0);
		assert_int_equal(imds_complete(-EBADF, IMDS_QUOTE, &b, &why), rows[i].r);
		assert_true((rows[i].r < 0) == (why.text[0] != '\0'));
	}
}

/* A server that answers each question with @text. */
static int answer(const char *text, struct bundle *b, struct cause *why)
{
	_cleanup_(closep) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
			      fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
			      peer = -EBADF;
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	pid_t pid;
	int r;

	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	/* In the state in which imds_open() leaves it. */
	assert_true(connect(fd, (struct sockaddr *)&at, len) < 0 && errno == EINPROGRESS);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	pid = fork();
	if (pid == 0) {
		char question[4096];

		close(fd);
		(void) !read(peer, question, sizeof(question));
		_exit(write_full(peer, text, strlen(text)) < 0);
	}
	closep(&peer);
	peer = -EBADF;
	add_hcl(b, HCL_TDX);
	r = imds_complete(fd, IMDS_ALL, b, why);
	/* A service that was not asked says nothing more. */
	(void) kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return r;
}

static void test_answers(void **state)
{
	_cleanup_(bundle_done) struct bundle good = { 0 }, bad = { 0 };
	_cleanup_(freep) char *base64 = NULL, *text = NULL;
	struct cause why = { "" };
	struct evidence e;

	platform_load("tdx", "ok-many-levels", &e, NULL);
	assert_int_equal(base64url_encode(e.piece[EVIDENCE_QUOTE].p, e.piece[EVIDENCE_QUOTE].len,
					  &base64),
			 0);
	assert_true(asprintf(&text,
			     "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n{\"quote\":\"%s\"}",
			     strlen(base64) + 12, base64) > 0);
	assert_int_equal(answer(text, &good, &why), 1);
	assert_int_equal(bundle_find(&good, BUNDLE_QUOTE, 0)->len, e.piece[EVIDENCE_QUOTE].len);
	/* A reason is given for failures only. */
	assert_string_equal(why.text, "");
	assert_int_equal(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", &bad, &why),
			 -ENOENT);
	assert_non_null(strstr(why.text, "Azure's metadata service: "));
	assert_null(bundle_find(&bad, BUNDLE_QUOTE, 0));
	platform_unload(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_chain),
		cmocka_unit_test(test_digits),	      cmocka_unit_test(test_no_evidence),
		cmocka_unit_test(test_certification), cmocka_unit_test(test_quote),
		cmocka_unit_test(test_who_is_asked),   cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
