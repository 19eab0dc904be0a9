/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/secret-policy.h"

#define HEX_16 "000102030405060708090a0b0c0d0e0f"
#define HEX_32 HEX_16 HEX_16
#define HEX_48 HEX_32 HEX_16
#define ZEROS "00000000000000000000000000000000"
#define ONCE "[Release]\nRelease=once\nPer=launch\n"
#define SNP "[snp]\nmeasurement=" HEX_48 "\ncovers=kernel,initrd,cmdline\n"

static int read_policy(const char *text, struct secret_mode *ret, char **ret_evidence,
		       struct cause *why)
{
	*ret = (struct secret_mode){ 0 };
	*ret_evidence = NULL;
	*why = (struct cause){ "" };
	return secret_policy_read(text, strlen(text), ret, ret_evidence, why);
}

static void test_good(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ ONCE SNP, "once for each launch" },
		{ SNP ONCE, "once for each launch" },
		{ "[Release]\nRelease=always\n" SNP, "always" },
		{ "[Release]\nRelease=approve\n" SNP, "when it is approved" },
		{ ONCE "Launches=20/24h\nFirstOnly=yes\n" SNP,
		  "once for each launch, at most 20 in 86400 s, to the first who asks after a "
		  "start" },
		{ "[Release]\nRelease=once\nPer=vm\nVmField=host_data\n" SNP "host_data=" HEX_32
		  "\n", "once for each VM" },
		{ ONCE "[snp]\nid_key_digest=" HEX_48 "\n", "once for each launch" },
		{ ONCE "[tdx]\nmrtd=" HEX_48 "\nrtmr1=" HEX_48 "\nrtmr2=" HEX_48 "\n",
		  "once for each launch" },
		{ ONCE "[azure]\npcr4=" HEX_32 "\nak_n_sha256=" HEX_32 "\n",
		  "once for each launch" },
		{ ONCE "[azure]\npcr4=" HEX_32 "\nak_n_sha256=" HEX_32
		  "\nallow=partial-identity\n", "once for each launch" },
		/* A stranger may have these PCRs too: a person looks at it. */
		{ "[Release]\nRelease=approve\n[azure]\npcr4=" HEX_32
		  "\nallow=partial-identity\n", "when it is approved" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret_mode m;
		struct cause why;
		char *evidence, words[128];

		if (read_policy(cases[i].text, &m, &evidence, &why) != 0)
			fail_msg("%s: %s", cases[i].text, why.text);
		secret_mode_format(&m, words, sizeof(words));
		assert_string_equal(words, cases[i].words);
		/* The same lines, without [Release]. */
		assert_int_equal(strlen(evidence), strlen(cases[i].text));
		assert_null(strstr(evidence, "Release"));
		assert_null(strstr(evidence, "Per="));
		free(evidence);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		/* silence */
		{ "", "how often this secret may go out is not said" },
		{ SNP, "how often this secret may go out is not said" },
		{ "[Release]\n" SNP, "how often" },
		{ ONCE, "it speaks of no kind of evidence" },
		/* ... and what to do about it */
		{ ONCE, "'cococtl attest policy --from-bundle=FILE --release=once'" },
		{ ONCE "[snp]\nmin_tcb=1:2:3:4\n", "there 'cococtl attest report --output=FILE'" },
		{ ONCE "[snp]\n", "it speaks of no kind of evidence" },
		{ ONCE "[Policy]\nreport_data=" HEX_48 HEX_16 "\n", "no kind of evidence" },
		/* anybody */
		{ ONCE "[snp]\nmin_tcb=1:2:3:4\n", "names no identity" },
		{ ONCE "[snp]\nhost_data=" HEX_32 "\n", "names no identity" },
		{ ONCE SNP "[tdx]\nmrseam=" HEX_48 "\n",
		  "for evidence of TDX it names no identity" },
		{ ONCE "[snp]\nmeasurement=" ZEROS ZEROS ZEROS
		  "\ncovers=kernel,initrd,cmdline\n",
		  "names no identity" },
		/* strangers */
		{ ONCE "[snp]\nmeasurement=" HEX_48 "\n", "may not cover" },
		{ ONCE "[snp]\nmeasurement=" HEX_48 "\ncovers=firmware,kernel\n", "may not cover" },
		{ ONCE "[snp]\nmeasurement=" HEX_48 "\nallow=partial-identity\n",
		  "strangers may have" },
		{ "[Release]\nRelease=always\n[azure]\npcr4=" HEX_32
		  "\nallow=partial-identity\n", "strangers may have" },
		/* what counts for nothing, or twice */
		{ "[Release]\nRelease=once\n" SNP, "needs Per=launch" },
		{ "[Release]\nRelease=always\nPer=launch\n" SNP, "goes with Release=once" },
		{ "[Release]\nRelease=once\nPer=vm\n" SNP, "need each other" },
		{ ONCE "VmField=host_data\n" SNP, "need each other" },
		{ "[Release]\nRelease=once\nPer=vm\nVmField=host_data\nLaunches=1/1h\n" SNP
		  "host_data=" HEX_32 "\n", "Launches= goes with Per=launch" },
		{ "[Release]\nRelease=once\nPer=vm\nVmField=host_data\n" SNP,
		  "exactly one value of host_data=" },
		{ "[Release]\nRelease=once\nPer=vm\nVmField=host_data\n" SNP "host_data=" HEX_32
		  ",00" HEX_16 "010203040506070809101112131415\n", "exactly one value" },
		/* A kind that has no such field. */
		{ "[Release]\nRelease=once\nPer=vm\nVmField=host_data\n" SNP "host_data=" HEX_32
		  "\n[tdx]\nmrtd=" HEX_48 "\nrtmr1=" HEX_48 "\nrtmr2=" HEX_48 "\n",
		  "for evidence of TDX" },
		{ ONCE SNP "report_data=" HEX_48 HEX_16 "\n", "the broker's to ask" },
		/* words */
		{ "[Release]\nRelease=twice\n" SNP, "line 2: Release= takes" },
		{ "[Release]\nRelease=\n" SNP, "line 2: Release= takes" },
		{ "[Release]\nRelease=once\nRelease=always\n" SNP, "line 3" },
		{ ONCE "Window=1h\n" SNP, "line 4: there is no option 'Window' in [Release]" },
		/* what was meant */
		{ "[Release]\nRelaese=once\n" SNP, "did you mean Release?" },
		{ "[Release]\nRelease=onze\n" SNP,
		  "takes 'once', 'always' or 'approve', not 'onze'; did you mean once?" },
		{ ONCE "[sev]\npolicy_require=noks,nosent\n", "did you mean nosend?" },
		{ ONCE "Lauches=20/24h\n" SNP, "did you mean Launches?" },
		{ ONCE "vmfeild=host_data\n" SNP, "did you mean VmField?" },
		{ ONCE "[sev]\nlaunch_digset=" HEX_32 "\n", "did you mean launch_digest?" },
		{ ONCE "[sve]\nlaunch_digest=" HEX_32 "\n",
		  "line 4: there is no section [sve]; did you mean sev?" },
		{ "[Relase]\nRelease=once\n" SNP,
		  "line 1: there is no section [Relase]; did you mean Release?" },
		{ ONCE "[snpp]\nmeasurement=" HEX_48 "\n",
		  "line 4: there is no section [snpp]; did you mean snp?" },
		{ ONCE "[nothing-near]\nx=1\n", "line 4: there is no section [nothing-near]" },
		{ ONCE "Launches=0/1h\n" SNP, "Launches= takes" },
		{ ONCE "Launches=1025/1h\n" SNP, "Launches= takes" },
		{ ONCE "Launches=20\n" SNP, "Launches= takes" },
		{ ONCE "Launches=20/\n" SNP, "Launches= takes" },
		{ ONCE "Launches=/1h\n" SNP, "Launches= takes" },
		{ ONCE "Launches=1/1ms\n" SNP, "Launches= takes" },
		{ ONCE "Launches=-1/1h\n" SNP, "Launches= takes" },
		{ ONCE "FirstOnly=maybe\n" SNP, "FirstOnly= takes" },
		/* The line of the other reader is the file's. */
		{ ONCE "[snp]\nmeasurement=xx\n", "line 5" },
		{ ONCE "[release]\nRelease=always\n" SNP, "line 4" },
		{ "Release=always\n" SNP, "line 1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct secret_mode m;
		struct cause why;
		char *evidence;

		assert_int_equal(read_policy(cases[i].text, &m, &evidence, &why), -EBADMSG);
		if (!strstr(why.text, cases[i].reason))
			fail_msg("%s: %s", cases[i].text, why.text);
		assert_null(evidence);
		assert_int_equal(m.release, 0);
	}
}

static void test_large(void **state)
{
	char *text = malloc(SECRET_POLICY_MAX + 1), *evidence = NULL;
	struct secret_mode m = { 0 };
	struct cause why = { "" };

	assert_non_null(text);
	memset(text, '\n', SECRET_POLICY_MAX + 1);
	assert_int_equal(secret_policy_read(text, SECRET_POLICY_MAX + 1, &m, &evidence, &why),
			 -EMSGSIZE);
	assert_int_equal(secret_policy_read(text, SECRET_POLICY_MAX, &m, &evidence, &why),
			 -EBADMSG);
	free(text);
}

/* Every byte of the text counts, the comments too: it is what the owner set. */
static void test_rules(void **state)
{
	uint8_t a[32], b[32];

	assert_int_equal(secret_policy_rules("a", 1, a), 0);
	assert_int_equal(secret_policy_rules("a", 1, b), 0);
	assert_memory_equal(a, b, 32);
	assert_int_equal(secret_policy_rules("a\n", 2, b), 0);
	assert_memory_not_equal(a, b, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
