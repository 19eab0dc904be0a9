/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policies ask of an authentic SNP report: each option and each forbidden bit at its edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/snp/appraise-snp.h"
#include "base/parse.h"

#include <cmocka.h>

#define TCB(bootloader, tee, snp, microcode)                                     \
	((uint64_t)(bootloader) | (uint64_t)(tee) << 8 | (uint64_t)(snp) << 48 | \
	 (uint64_t)(microcode) << 56)

static struct {
	struct snp_evidence e;
	struct policies policies;
	struct policy *p;
	struct verdict *v;
	/* what the report points at */
	uint8_t family_id[16], image_id[16], report_data[64], chip_id[64], measurement[48],
		id_key[48], author_key[48], host_data[32], report_id[32], report_id_ma[32];
} f;

static int start(void **state)
{
	f.v = verdict_new();
	return f.v ? 0 : -1;
}

static int stop(void **state)
{
	verdict_free(f.v);
	return 0;
}

/* A report of Milan that any default policy accepts. */
static int setup(void **state)
{
	struct snp_report *r = &f.e.report;
	struct verdict *v = f.v;

	memset(&f, 0, sizeof(f));
	f.v = v;
	*r = (struct snp_report){
		.version = 3,
		.policy = SNP_POLICY_ONE | SNP_POLICY_SMT | 0x0137,
		.current_tcb = TCB(3, 2, 20, 210),
		.committed_tcb = TCB(3, 2, 20, 210),
		.reported_tcb = TCB(3, 1, 20, 209),
		.launch_tcb = TCB(3, 1, 19, 209),
		.current_version = 0x013715,
		.committed_version = 0x013715,
		.guest_svn = 5,
		.vmpl = 1,
		.family_id = f.family_id,
		.image_id = f.image_id,
		.report_data = f.report_data,
		.chip_id = f.chip_id,
		.measurement = f.measurement,
		.id_key_digest = f.id_key,
		.author_key_digest = f.author_key,
		.host_data = f.host_data,
		.report_id = f.report_id,
		.report_id_ma = f.report_id_ma,
	};
	memset(f.report_id_ma, 0xff, sizeof(f.report_id_ma));
	f.e.chain.extensions.product = SNP_MILAN;
	f.e.chain.kind = SNP_KEY_VCEK;
	policies_init(&f.policies);
	f.p = policies_of(&f.policies, &policy_snp);
	return 0;
}

static void set(const char *option)
{
	char error[POLICY_ERROR_LEN];

	if (policies_set(&f.policies, option, error) < 0)
		fail_msg("%s: %s", option, error);
}

/* The code of the first check that fails, "OK" for none. */
static const char *judge(void)
{
	verdict_reset(f.v);
	f.v->policy = f.p;
	snp_apply_policy(&f.e, f.p, f.v);
	/* Whatever was asked was looked at. */
	f.v->authentic = true;
	if (f.v->first_failed < 0)
		policy_conclude(f.v, NULL);
	return f.v->first_failed < 0 ? "OK" : f.v->code;
}

static void assert_code(const char *code)
{
	const char *got = judge();

	if (!streq(got, code))
		fail_msg("%s is not %s: %s", got, code,
			 f.v->first_failed < 0 ? "" : f.v->checks[f.v->first_failed].name);
	if (!streq(code, "OK"))
		assert_int_equal(f.v->result, VERDICT_REFUSED);
}

/* ---- what no option excuses ---- */

static void test_good(void **state)
{
	assert_code("OK");
}

static void test_imported(void **state)
{
	for (size_t i = 0; i < sizeof(f.report_id_ma); i++) {
		f.report_id_ma[i] = 0xfe;
		assert_code("IMPORTED");
		f.report_id_ma[i] = 0xff;
	}
	memset(f.report_id_ma, 0, sizeof(f.report_id_ma));
	set("allow=debug,migrate,masked,partial-identity");
	assert_code("IMPORTED");
}

/* ---- bits ---- */

static void test_debug(void **state)
{
	f.e.report.policy |= SNP_POLICY_DEBUG;
	assert_code("DEBUG");
	set("allow=migrate,masked");
	assert_code("DEBUG");
	set("allow=debug");
	assert_code("OK");
}

static void test_migration(void **state)
{
	f.e.report.policy |= SNP_POLICY_MIGRATE_MA;
	assert_code("MIGRATE_MA");
	set("allow=debug,masked");
	assert_code("MIGRATE_MA");
	set("allow=migrate");
	assert_code("OK");
}

static void test_masked_chip(void **state)
{
	f.e.report.mask_chip_key = true;
	assert_code("CHIP_MASKED");
	set("allow=debug,migrate");
	assert_code("CHIP_MASKED");
	set("allow=masked");
	assert_code("OK");
	set("allow=");
	/* A provider's key names no chip by itself. */
	f.e.chain.kind = SNP_KEY_VLEK;
	assert_code("OK");
}

static void test_provider_key(void **state)
{
	f.e.chain.kind = SNP_KEY_VLEK;
	assert_code("OK");
	set("forbid=vlek");
	assert_code("KEYTYPE");
	f.e.chain.kind = SNP_KEY_VCEK;
	assert_code("OK");
}

static void test_vmpl(void **state)
{
	static const struct {
		const char *option;
		uint32_t vmpl;
		const char *code;
	} rows[] = {
		{ NULL, 0, "OK" },
		{ NULL, 3, "OK" },
		{ NULL, 4, "VMPL" },
		{ NULL, UINT32_MAX, "VMPL" },
		{ "max_vmpl=0", 0, "OK" },
		{ "max_vmpl=0", 1, "VMPL" },
		{ "max_vmpl=2", 2, "OK" },
		{ "max_vmpl=2", 3, "VMPL" },
		/* A report that the host asked for is refused, whatever the limit. */
		{ "max_vmpl=4294967295", UINT32_MAX, "VMPL" },
		{ "max_vmpl=4294967295", UINT32_MAX - 1, "OK" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		if (rows[i].option)
			set(rows[i].option);
		f.e.report.vmpl = rows[i].vmpl;
		assert_code(rows[i].code);
	}
}

/* ---- versions of the firmware ---- */

/* reported <= committed <= current, in each component. */
static void test_order(void **state)
{
	for (unsigned byte = 0; byte < 8; byte++) {
		const uint64_t one = UINT64_C(1) << 8 * byte;
		bool counts = byte < 2 || byte > 5;

		assert_int_equal(setup(state), 0);
		f.e.report.reported_tcb = f.e.report.committed_tcb;
		assert_code("OK");
		f.e.report.reported_tcb += one;
		assert_code(counts ? "TCB_ORDER" : "OK");
		f.e.report.committed_tcb += one;
		assert_code(counts ? "TCB_ORDER" : "OK");
		f.e.report.current_tcb += one;
		assert_code("OK");
	}
	assert_int_equal(setup(state), 0);
	f.e.report.reported_tcb = f.e.report.committed_tcb;
	assert_code("OK");
	f.e.report.reported_tcb += 1;
	assert_code("TCB_ORDER");
	assert_int_equal(setup(state), 0);
	f.e.report.current_tcb -= UINT64_C(1) << 56;
	assert_code("TCB_ORDER");
}

/* Firmware above what is committed can be rolled back. */
static void test_provisional(void **state)
{
	static const struct {
		uint64_t more_tcb;
		uint32_t more_version;
	} rows[] = { { 1, 0 }, { UINT64_C(1) << 56, 0 }, { 0, 1 } };

	set("forbid=provisional");
	assert_code("OK");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		f.e.report.current_tcb += rows[i].more_tcb;
		f.e.report.current_version += rows[i].more_version;
		assert_code("OK");
		set("forbid=provisional");
		assert_code("PROVISIONAL");
	}
	/* An older version than the committed one is not above it. */
	assert_int_equal(setup(state), 0);
	f.e.report.current_version--;
	set("forbid=provisional");
	assert_code("OK");
}

static void test_floor(void **state)
{
	static const struct {
		const char *option, *code;
	} rows[] = {
		{ "min_tcb=3:1:20:209", "OK" },
		{ "min_tcb=0:0:0:0", "OK" },
		{ "min_tcb=4:1:20:209", "TCB_FLOOR" },
		{ "min_tcb=3:2:20:209", "TCB_FLOOR" },
		{ "min_tcb=3:1:21:209", "TCB_FLOOR" },
		{ "min_tcb=3:1:20:210", "TCB_FLOOR" },
		/* That of another product. */
		{ "min_tcb=0:0:0:0:0", "TCB_FLOOR" },
		{ "min_tcb=0xd114000000000103", "OK" },
		{ "min_tcb=0xd114000000000104", "TCB_FLOOR" },
		{ "min_tcb=0xd214000000000103", "TCB_FLOOR" },
		{ "min_tcb=0xd114000000010103", "TCB_FLOOR" },
		{ "min_tcb=0xd114010000000103", "TCB_FLOOR" },
		{ "min_launch_tcb=3:1:19:209", "OK" },
		{ "min_launch_tcb=3:1:20:209", "LAUNCH_TCB" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		set(rows[i].option);
		assert_code(rows[i].code);
	}
}

/* Turin has a fifth component, which comes first. */
static void test_turin(void **state)
{
	static const struct {
		const char *option, *code;
	} rows[] = {
		{ "min_tcb=1:2:3:4:80", "OK" },
		{ "min_tcb=2:2:3:4:80", "TCB_FLOOR" },
		{ "min_tcb=1:3:3:4:80", "TCB_FLOOR" },
		{ "min_tcb=1:2:3:4:81", "TCB_FLOOR" },
		{ "min_tcb=0:0:0:0", "TCB_FLOOR" },
		{ "min_tcb=0x5000000004030201", "OK" },
		{ "min_tcb=0x5000000104030201", "TCB_FLOOR" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		f.e.chain.extensions.product = SNP_TURIN;
		f.e.report.current_tcb = f.e.report.committed_tcb = f.e.report.reported_tcb =
			0x5000000004030201;
		set(rows[i].option);
		assert_code(rows[i].code);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		const char *option, *code;
	} rows[] = {
		{ "min_firmware=1.55.21", "OK" },
		{ "min_firmware=1.55.22", "FIRMWARE" },
		{ "min_firmware=2.0.0", "FIRMWARE" },
		{ "min_abi=1.55", "OK" },
		{ "min_abi=1.56", "ABI" },
		{ "min_guest_svn=5", "OK" },
		{ "min_guest_svn=6", "GUEST_SVN" },
		{ "plat_require=0x1", "PLATFORM_INFO" },
		{ "plat_require=0x24", "OK" },
		{ "plat_forbid=0x4", "PLATFORM_INFO" },
		{ "plat_forbid=0x3", "OK" },
		{ "policy_require=0x10000", "OK" },
		{ "policy_require=0x100000", "GUEST_POLICY" },
		{ "policy_forbid=0x10000", "GUEST_POLICY" },
		{ "policy_forbid=0x100000", "OK" },
		{ "min_mit=0x1", "OK" },
		{ "min_mit=0x3", "MITIGATIONS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		f.e.report.platform_info = 0x24;
		f.e.report.current_mit_vector = 0x5;
		set(rows[i].option);
		assert_code(rows[i].code);
	}
	/* The firmware that counts is the one that the host cannot go back from. */
	assert_int_equal(setup(state), 0);
	f.e.report.current_version++;
	set("min_firmware=1.55.22");
	assert_code("FIRMWARE");
}

/* ---- values ---- */

static void test_values(void **state)
{
	static const struct {
		const char *option, *code;
		uint8_t *found;
		size_t len;
	} rows[] = {
		{ "report_data", "REPORT_DATA", f.report_data, 64 },
		{ "measurement", "MEASUREMENT", f.measurement, 48 },
		{ "host_data", "HOST_DATA", f.host_data, 32 },
		{ "id_key_digest", "ID_KEY_DIGEST", f.id_key, 48 },
		{ "author_key_digest", "AUTHOR_KEY_DIGEST", f.author_key, 48 },
		{ "family_id", "FAMILY_ID", f.family_id, 16 },
		{ "image_id", "IMAGE_ID", f.image_id, 16 },
		{ "report_id", "REPORT_ID", f.report_id, 32 },
		{ "chip_id", "CHIP_ID", f.chip_id, 64 },
	};
	char text[200];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		f.e.report.author_key_en = true;
		for (size_t n = 0; n < rows[i].len; n++)
			rows[i].found[n] = (uint8_t)(n + i);
		snprintf(text, sizeof(text), "%s=", rows[i].option);
		format_hex(rows[i].found, rows[i].len, text + strlen(text));
		set(text);
		assert_code("OK");
		rows[i].found[0] ^= 1;
		assert_code(rows[i].code);
		rows[i].found[0] ^= 1;
		rows[i].found[rows[i].len - 1] ^= 0x80;
		assert_code(rows[i].code);
	}
}

/* Its digest is only what it says where an author key was used. */
static void test_author_key(void **state)
{
	char text[200] = "author_key_digest=";

	memset(f.author_key, 0x61, sizeof(f.author_key));
	assert_code("OK");
	format_hex(f.author_key, sizeof(f.author_key), text + strlen(text));
	set(text);
	assert_code("AUTHOR_KEY_DIGEST");
	f.e.report.author_key_en = true;
	assert_code("OK");
}

/* ---- what is said to people ---- */

static enum check_result result_of(const char *start_of_name)
{
	for (unsigned i = 0; i < f.v->n_checks; i++)
		if (startswith(f.v->checks[i].name, start_of_name))
			return f.v->checks[i].result;
	fail_msg("no check is called '%s'", start_of_name);
	return CHECK_FAILED;
}

/* Older reports have no such bit: one that is set there means something else. */
static void test_aliases(void **state)
{
	for (f.e.report.version = 2; f.e.report.version <= 3; f.e.report.version++) {
		f.e.report.platform_info = 0;
		assert_code("OK");
		assert_int_equal(result_of("memory was checked for aliases"), CHECK_SKIPPED);
		f.e.report.platform_info = SNP_PLATFORM_ALIAS_CHECK_COMPLETE;
		assert_code("OK");
		assert_int_equal(result_of("memory was checked for aliases"),
				 f.e.report.version == 3 ? CHECK_PASSED : CHECK_SKIPPED);
	}
}

/* All that is wrong is listed, not the first alone. */
static void test_all_are_made(void **state)
{
	unsigned n_failed = 0;

	f.report_id_ma[0] = 0;
	f.e.report.policy |= SNP_POLICY_DEBUG | SNP_POLICY_MIGRATE_MA;
	f.e.report.vmpl = UINT32_MAX;
	f.e.report.reported_tcb = f.e.report.committed_tcb + 1;
	set("min_guest_svn=6");
	assert_code("IMPORTED");
	for (unsigned i = 0; i < f.v->n_checks; i++)
		n_failed += f.v->checks[i].result == CHECK_FAILED;
	assert_int_equal(n_failed, 6);
}

static void test_remark(void **state)
{
	assert_non_null(snp_firmware_remark(f.p));
	set("min_tcb=0:0:0:0");
	assert_null(snp_firmware_remark(f.p));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, setup),
		cmocka_unit_test_setup(test_imported, setup),
		cmocka_unit_test_setup(test_debug, setup),
		cmocka_unit_test_setup(test_migration, setup),
		cmocka_unit_test_setup(test_masked_chip, setup),
		cmocka_unit_test_setup(test_provider_key, setup),
		cmocka_unit_test_setup(test_vmpl, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_provisional, setup),
		cmocka_unit_test_setup(test_floor, setup),
		cmocka_unit_test_setup(test_turin, setup),
		cmocka_unit_test_setup(test_numbers, setup),
		cmocka_unit_test_setup(test_values, setup),
		cmocka_unit_test_setup(test_author_key, setup),
		cmocka_unit_test_setup(test_aliases, setup),
		cmocka_unit_test_setup(test_all_are_made, setup),
		cmocka_unit_test_setup(test_remark, setup),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
