/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evidence of the double of a platform, which is authentic, but over data that no handshake has.
 * What is good is shown from outside, where evidence is made for the handshake:
 * tests/run/coco-broker.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "attest/verdict.h"
#include "broker/core/judge.h"
#include "tests/unit/platform.h"

#define CASE "ok-milan-vcek"
#define POLICY "[snp]\nmeasurement=" \
	"111111111111111111111111111111111111111111111111111111111111111111111111111111111111" \
	"111111111111\ncovers=kernel,initrd,cmdline\n"

static struct evidence evidence;
static struct trust trust;
static struct judge *judge;

static int begin(void **state)
{
	struct cause why;

	platform_load("snp", CASE, &evidence, NULL);
	platform_trust("snp", &trust);
	return judge_new(&trust, NULL, 2, &judge, &why);
}

static int end(void **state)
{
	judge = judge_free(judge);
	return 0;
}

static void make_bundle(struct bundle *ret, unsigned n_certs)
{
	struct bytes report = evidence.piece[EVIDENCE_REPORT];

	*ret = (struct bundle){ .n_items = 0 };
	assert_int_equal(bundle_add_text(ret, BUNDLE_TYPE, "snp"), 0);
	assert_int_equal(bundle_add(ret, BUNDLE_REPORT, report.p, report.len), 0);
	for (unsigned i = 0; i < n_certs; i++)
		assert_int_equal(bundle_add(ret, BUNDLE_CERT, evidence.cert[i].p,
					    evidence.cert[i].len),
				 0);
}

static void judged_is(const struct bundle *b, enum broker_tee tee, const uint8_t rd[static 48],
		      const char *policy, enum judged_result result, const char *code)
{
	struct judged j;
	struct verdict *v = NULL;

	assert_int_equal(judge_evidence(judge, tee, b, rd, policy, PLATFORM_NOW, &j, &v), 0);
	if (j.result != result || (code && !streq(j.code, code)))
		fail_msg("%d %s: %s", j.result, j.code, j.reason);
	assert_true(j.reason[0] != '\0');
	assert_false(j.launch.known);
	assert_non_null(v);
	verdict_free(v);
}

/* The report is over the bytes 0 to 63: the digest may be right, and the rest is not zeros. */
static void test_over(void **state)
{
	uint8_t rd[48];
	struct bundle b;

	for (unsigned i = 0; i < sizeof(rd); i++)
		rd[i] = (uint8_t)i;
	make_bundle(&b, evidence.n_certs);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	judged_is(&b, BROKER_TEE_SNP, rd, POLICY, JUDGED_EVIDENCE, "NONCE");
	rd[0] = 1;
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	bundle_done(&b);
}

static void test_forged(void **state)
{
	uint8_t rd[48] = { 0 };
	struct bundle b;

	make_bundle(&b, evidence.n_certs);
	for (unsigned at = 0; at < 0x2d0; at += 37) {
		b.items[1].data[at] ^= 1;
		judged_is(&b, BROKER_TEE_SNP, rd, POLICY, JUDGED_EVIDENCE, NULL);
		b.items[1].data[at] ^= 1;
	}
	bundle_done(&b);
}

static void test_type(void **state)
{
	uint8_t rd[48] = { 0 };
	struct bundle b;

	make_bundle(&b, evidence.n_certs);
	judged_is(&b, BROKER_TEE_TDX, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	judged_is(&b, BROKER_TEE_AZ_SNP, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	judged_is(&b, BROKER_TEE_NONE, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	judged_is(&b, _BROKER_TEE_MAX, rd, NULL, JUDGED_EVIDENCE, "TYPE");
	bundle_done(&b);
}

/* What we lack is no fault of the guest's, and a policy that cannot be read opens nothing. */
static void test_lacking(void **state)
{
	uint8_t rd[48] = { 0 };
	struct bundle b;

	make_bundle(&b, 0);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_LATER, NULL);
	bundle_done(&b);
	make_bundle(&b, evidence.n_certs);
	judged_is(&b, BROKER_TEE_SNP, rd, "[snp]\nnonsense=1\n", JUDGED_POLICY, "POLICY");
	judged_is(&b, BROKER_TEE_SNP, rd, "[snp]\nreport_data=00\n", JUDGED_POLICY, "POLICY");
	bundle_done(&b);
}

/* The built-in roots do not know this platform. */
static void test_roots(void **state)
{
	struct judge *other, *mine = judge;
	uint8_t rd[48] = { 0 };
	struct cause why;
	struct bundle b;

	make_bundle(&b, evidence.n_certs);
	assert_int_equal(judge_new(NULL, NULL, 1, &other, &why), 0);
	judge = other;
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, NULL);
	judge = mine;
	judge_free(other);
	bundle_done(&b);
}

static char folder[] = "/tmp/test-judge-XXXXXX";

static void put(const char *name, const void *data, size_t len)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(write_file_atomic(path, data, len, 0600, false), 0);
}

static void drop(const char *name)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

/* Certificates that the guest does not bring along are in the folder, from the next reload on. */
static void test_folder(void **state)
{
	struct judge *other, *mine = judge;
	uint8_t rd[48] = { 0 };
	struct cause why;
	struct bundle b;
	char name[32];

	assert_non_null(mkdtemp(folder));
	make_bundle(&b, 0);
	assert_int_equal(judge_new(&trust, folder, 1, &other, &why), 0);
	judge = other;
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_LATER, NULL);
	for (unsigned i = 0; i < evidence.n_certs; i++) {
		(void) snprintf(name, sizeof(name), "cert-%u.der", i);
		put(name, evidence.cert[i].p, evidence.cert[i].len);
	}
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_LATER, NULL);
	assert_int_equal(judge_reload(judge, &why), 0);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	/* A reload that fails changes nothing. */
	put("newest", "hello\n", 6);
	assert_int_equal(judge_reload(judge, &why), -EBADMSG);
	judged_is(&b, BROKER_TEE_SNP, rd, NULL, JUDGED_EVIDENCE, "NONCE");
	drop("newest");
	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(name, sizeof(name), "cert-x%u.der", i);
		put(name, "x", 1);
	}
	assert_int_equal(judge_reload(judge, &why), -EMSGSIZE);
	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(name, sizeof(name), "cert-x%u.der", i);
		drop(name);
	}
	/* What cannot be read may be the list that revokes. */
	(void) snprintf(name, sizeof(name), "%s/crl.der", folder);
	assert_int_equal(mkfifo(name, 0600), 0);
	assert_int_equal(judge_reload(judge, &why), -EIO);
	drop("crl.der");
	for (unsigned i = 0; i < evidence.n_certs; i++) {
		(void) snprintf(name, sizeof(name), "cert-%u.der", i);
		drop(name);
	}
	judge = mine;
	judge_free(other);
	bundle_done(&b);
	assert_int_equal(rmdir(folder), 0);
}

static void *judge_often(void *userdata)
{
	const struct bundle *b = userdata;
	uint8_t rd[48] = { 0 };
	struct judged j;
	uintptr_t wrong = 0;

	for (unsigned i = 0; i < 50; i++)
		wrong += judge_evidence(judge, BROKER_TEE_SNP, b, rd, NULL, PLATFORM_NOW, &j,
					NULL) != 0 ||
			 !streq(j.code, "NONCE");
	return (void *)wrong;
}

/* More threads than verifiers, while the collateral is read again and again. */
static void test_threads(void **state)
{
	pthread_t threads[8];
	struct cause why;
	struct bundle b;
	void *wrong;

	make_bundle(&b, evidence.n_certs);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, judge_often, &b), 0);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(judge_reload(judge, &why), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	bundle_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over),	cmocka_unit_test(test_forged),
		cmocka_unit_test(test_type),	cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_roots),	cmocka_unit_test(test_folder),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
