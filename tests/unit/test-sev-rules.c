/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What [sev] of a policy may say, and which launches are as it wants them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"
#include "broker/core/secret-policy.h"
#include "sev/sev-policy.h"

#include <cmocka.h>

#define HEX_16 "000102030405060708090a0b0c0d0e0f"
#define HEX_32 HEX_16 HEX_16
#define OTHER "ff0102030405060708090a0b0c0d0e0f" HEX_16
#define ALL "covers=firmware,kernel,initrd,cmdline\n"
#define ONCE "[Release]\nRelease=once\nPer=launch\n"
#define GOOD "launch_digest=" HEX_32 "\n" ALL

/* ---- the section ---- */

static int read_policy(const char *text, struct secret_mode *ret, struct cause *why)
{
	char *evidence = NULL;
	int r;

	*ret = (struct secret_mode){ 0 };
	*why = (struct cause){ "" };
	r = secret_policy_read(text, strlen(text), ret, &evidence, why);
	/* What is for launches is not for evidence. */
	if (r == 0 && (strstr(evidence, "[sev]") || strstr(evidence, "launch_digest")))
		fail_msg("'%s' is judged as a policy for evidence", evidence);
	free(evidence);
	return r;
}

static void test_read(void **state)
{
	struct secret_mode m;
	struct cause why;

	assert_int_equal(read_policy(ONCE "[sev]\nlaunch_digest=" HEX_32 "," OTHER
				     " until=2999-01-01\n" ALL
				     "policy_require=es,noks\nmin_api=1.51\nmin_build=24\n", &m,
				     &why),
			 0);
	assert_true(m.sev.given);
	assert_int_equal(m.sev.digests.n, 2);
	assert_int_equal(m.sev.digests.b[1][0], 0xff);
	assert_int_equal(m.sev.digests.until[0], 0);
	assert_true(m.sev.digests.until[1] > 0);
	assert_true(sev_rules_are_whole(&m.sev));
	assert_int_equal(m.sev.policy_require, SEV_POLICY_ES | SEV_POLICY_NOKS);
	assert_int_equal(m.sev.min_api_major, 1);
	assert_int_equal(m.sev.min_api_minor, 51);
	assert_int_equal(m.sev.min_build, 24);
	assert_false(sev_rules_have_ended(&m.sev, INT64_MAX));
	/* Without the section nothing is given, whatever else is. */
	assert_int_equal(read_policy(ONCE "[snp]\nmeasurement=" HEX_32 HEX_16 "\n" ALL, &m, &why),
			 0);
	assert_false(m.sev.given);
	/* Beside it, and before it. */
	assert_int_equal(read_policy("[sev]\n" GOOD "[snp]\nmeasurement=" HEX_32 HEX_16 "\n" ALL
				     ONCE, &m, &why), 0);
	assert_true(m.sev.given);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *lines, *why;
	} cases[] = {
		{ "", "names no launch_digest" },
		{ ALL, "names no launch_digest" },
		{ "launch_digest=" HEX_32 "\n", "may not cover" },
		{ "launch_digest=" HEX_32 "\ncovers=kernel,initrd\n", "may not cover" },
		{ "launch_digest=" HEX_32 "\nallow=partial-identity\n", "needs Release=approve" },
		{ "launch_digest=\n" ALL, "launch_digest= takes" },
		{ "launch_digest=" HEX_32 ",\n" ALL, "launch_digest= takes" },
		{ "launch_digest=," HEX_32 "\n" ALL, "launch_digest= takes" },
		{ "launch_digest=" HEX_16 "\n" ALL, "launch_digest= takes" },
		{ "launch_digest=" HEX_32 "00\n" ALL, "launch_digest= takes" },
		{ "launch_digest=" HEX_32 " from=2020-01-01\n" ALL, "launch_digest= takes" },
		{ "launch_digest=" HEX_32 " until=\n" ALL, "launch_digest= takes" },
		{ "launch_digest=" HEX_32 " until=1960-01-01\n" ALL, "launch_digest= takes" },
		{ "launch_digest=" HEX_32 " until=2999-13-01\n" ALL, "launch_digest= takes" },
		{ GOOD "covers=kernel\n", "twice" },
		{ "launch_digest=" HEX_32 "\ncovers=\n", "covers= takes" },
		{ "launch_digest=" HEX_32 "\ncovers=kernel,initrd,cmdline,\n", "covers= takes" },
		{ "launch_digest=" HEX_32 "\ncovers=Kernel\n", "covers= takes" },
		{ GOOD "policy_require=\n", "policy_require= takes" },
		{ GOOD "policy_require=0x40\n", "policy_require= takes" },
		{ GOOD "policy_require=0x330001\n", "policy_require= takes" },
		{ GOOD "policy_require=api=1.51\n", "policy_require= takes" },
		{ GOOD "min_api=1\n", "min_api= takes" },
		{ GOOD "min_api=1.256\n", "min_api= takes" },
		{ GOOD "min_build=256\n", "min_build= takes" },
		{ GOOD "min_build=-1\n", "min_build= takes" },
		{ GOOD "allow=debug\n", "allow= takes" },
		{ GOOD "measurement=" HEX_32 "\n", "no option 'measurement' in [sev]" },
	};
	struct secret_mode m;
	struct cause why;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512];

		(void) snprintf(text, sizeof(text), ONCE "[sev]\n%s", cases[i].lines);
		if (read_policy(text, &m, &why) != -EBADMSG || !strstr(why.text, cases[i].why))
			fail_msg("%s: '%s' does not say '%s'", cases[i].lines, why.text,
				 cases[i].why);
	}
	assert_int_equal(read_policy("[Release]\nRelease=once\nPer=vm\nVmField=host_data\n[sev]\n"
				     GOOD, &m, &why), -EBADMSG);
	assert_non_null(strstr(why.text, "do not go together"));
	assert_int_equal(read_policy(ONCE "FirstOnly=yes\n[sev]\n" GOOD, &m, &why), -EBADMSG);
	assert_non_null(strstr(why.text, "do not go together"));
	assert_int_equal(read_policy("[Release]\nRelease=approve\n[sev]\nlaunch_digest=" HEX_32
				     "\nallow=partial-identity\n", &m, &why), 0);
}

static void test_too_many(void **state)
{
	char text[128 + (POLICY_VALUES_MAX + 1) * sizeof(HEX_32)];
	struct secret_mode m;
	struct cause why;
	size_t len = 0;

	/* A line of a policy ends before there are so many, but not in the code that reads them. */
	struct ini_item item = { .name = "launch_digest", .name_len = strlen("launch_digest") };
	struct sev_rules rules = { .digests.n = POLICY_VALUES_MAX };
	const char *value;

	item.value = HEX_32;
	item.value_len = strlen(HEX_32);
	assert_int_equal(sev_rules_take(&rules, &item, &value), -EINVAL);
	assert_int_equal(rules.digests.n, POLICY_VALUES_MAX);
	len += (size_t)sprintf(text, ONCE "[sev]\nlaunch_digest=" HEX_32);
	for (unsigned i = 0; i < POLICY_VALUES_MAX; i++)
		len += (size_t)sprintf(text + len, "," HEX_32);
	assert_int_equal(read_policy(text, &m, &why), -EBADMSG);
}

static void test_until(void **state)
{
	struct secret_mode m;
	struct cause why;
	int64_t end;

	assert_int_equal(read_policy(ONCE "[sev]\nlaunch_digest=" HEX_32 " until=2030-01-01\n" ALL,
				     &m, &why), 0);
	end = m.sev.digests.until[0];
	assert_int_equal(secret_policy_check_until(&m, "", end - 1, &why), 0);
	assert_int_equal(secret_policy_check_until(&m, "", end, &why), -EBADMSG);
	m.sev.given = false;
	m.sev.digests.n = 0;
	assert_int_equal(secret_policy_check_until(&m, "", end, &why), 0);
}

/* ---- a launch ---- */

static struct secret *tik;
static struct sev_launch good;

static void measure(struct sev_launch *l)
{
	struct measurer *m;

	assert_int_equal(measurer_new(tik, &m), 0);
	assert_int_equal(measurer_measure(m, &l->measured, l->digest, l->nonce, l->measure), 0);
	measurer_free(m);
}

static int make_launch(void **state)
{
	if (secret_new(SEV_KEY_LEN, &tik) < 0)
		return -1;
	memset(secret_bytes(tik), 7, SEV_KEY_LEN);
	good.measured = (struct measured){ .api_major = 1, .api_minor = 55, .build = 24,
					   .policy = SEV_POLICY_NODBG | SEV_POLICY_NOKS };
	if (parse_hex(HEX_32, good.digest, sizeof(good.digest)) < 0)
		return -1;
	memset(good.nonce, 9, sizeof(good.nonce));
	measure(&good);
	return 0;
}

static int free_launch(void **state)
{
	tik = secret_free(tik);
	return 0;
}

static const char *judge_as(const struct sev_launch *l, const char *lines,
			    enum judged_result wanted, struct judged *ret)
{
	static struct judged judged;
	struct secret_mode m = { 0 };
	struct cause why;
	char text[512];

	(void) snprintf(text, sizeof(text), ONCE "[sev]\n%s", lines);
	if (lines && read_policy(text, &m, &why) != 0)
		fail_msg("%s: %s", lines, why.text);
	assert_int_equal(sev_launch_judge(l, tik, &m.sev, 1900000000, &judged), 0);
	if (judged.result != wanted)
		fail_msg("%s: %d: %s", lines, (int)judged.result, judged.reason);
	assert_int_equal(judged.reason[0] == '\0', wanted == JUDGED_GOOD);
	if (ret)
		*ret = judged;
	return judged.reason;
}

static void test_judge(void **state)
{
	struct judged judged;

	(void) judge_as(&good, GOOD, JUDGED_GOOD, &judged);
	assert_string_equal(judged.identity, "whole");
	assert_string_equal(judged.type, "sev");
	assert_string_equal(judged.measurement, HEX_32);
	assert_true(judged.launch.known);
	(void) judge_as(&good, GOOD "policy_require=nodbg,noks\nmin_api=1.55\nmin_build=24\n",
			JUDGED_GOOD, NULL);
	assert_non_null(strstr(judge_as(&good, "launch_digest=" OTHER "\n" ALL, JUDGED_POLICY,
					NULL), "none of launch_digest="));
	assert_non_null(strstr(judge_as(&good, "launch_digest=" HEX_32 " until=2020-01-01," OTHER
					"\n" ALL, JUDGED_POLICY, NULL), "accepted no longer"));
	assert_non_null(strstr(judge_as(&good, GOOD "policy_require=es\n", JUDGED_POLICY, NULL),
			       "lacks es"));
	(void) judge_as(&good, GOOD "min_api=1.56\n", JUDGED_POLICY, NULL);
	(void) judge_as(&good, GOOD "min_api=2.0\n", JUDGED_POLICY, NULL);
	(void) judge_as(&good, GOOD "min_build=25\n", JUDGED_POLICY, NULL);
	/* A policy that is silent says no. */
	assert_non_null(strstr(judge_as(&good, NULL, JUDGED_POLICY, NULL), "no section [sev]"));
}

/* Each thing that the measurement binds; and what it does not bind before API 0.17. */
static void test_not_authentic(void **state)
{
	struct sev_launch l;
	struct judged judged;
	uint8_t *const bytes[] = { &l.measured.api_minor, &l.measured.build,
				   (uint8_t *)&l.measured.policy, &l.digest[31], &l.nonce[0],
				   &l.measure[0], &l.measure[31] };

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		l = good;
		*bytes[i] ^= 0x10;
		(void) judge_as(&l, GOOD, JUDGED_EVIDENCE, &judged);
		assert_false(judged.launch.known);
	}
	l = good;
	memset(secret_bytes(tik), 8, SEV_KEY_LEN);
	(void) judge_as(&l, GOOD, JUDGED_EVIDENCE, NULL);
	memset(secret_bytes(tik), 7, SEV_KEY_LEN);
	l.measured = (struct measured){ .api_major = 0, .api_minor = 16, .build = 24,
					.policy = SEV_POLICY_NODBG };
	measure(&l);
	assert_non_null(strstr(judge_as(&l, GOOD, JUDGED_EVIDENCE, NULL), "older than 0.17"));
	/* A host may read this guest's memory, and nothing in a policy allows that. */
	l = good;
	l.measured.policy = SEV_POLICY_NOKS;
	measure(&l);
	assert_non_null(strstr(judge_as(&l, GOOD, JUDGED_POLICY, NULL), "nodbg"));
}

static void test_launches(void **state)
{
	struct judged a, b;
	struct sev_launch l = good;

	(void) judge_as(&good, GOOD, JUDGED_GOOD, &a);
	(void) judge_as(&good, GOOD, JUDGED_GOOD, &b);
	assert_memory_equal(a.launch.id, b.launch.id, 32);
	l.nonce[15] ^= 1;
	measure(&l);
	(void) judge_as(&l, GOOD, JUDGED_GOOD, &b);
	assert_memory_not_equal(a.launch.id, b.launch.id, 32);
	l = good;
	l.measured.policy |= SEV_POLICY_ES;
	measure(&l);
	(void) judge_as(&l, GOOD, JUDGED_GOOD, &b);
	assert_string_equal(b.type, "sev-es");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_until),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_not_authentic),
		cmocka_unit_test(test_launches),
	};

	return cmocka_run_group_tests(tests, make_launch, free_launch);
}
