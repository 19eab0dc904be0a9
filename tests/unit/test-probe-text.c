/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts of a record's .probe: what they say, and what nonsense becomes. */
#include <setjmp.h>
#include <stdarg.h>

#include "doctor/probe-text.h"

#include <cmocka.h>

static const char cpuid[] =
	"CPU:\n"
	"   0x00000000 0x00: eax=0x0000000d ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65\n"
	"# a comment\n\n"
	"\t0x8000001f 0x00: eax=0x0000001b ebx=0x1 ecx=0x2 edx=0x3\r\n"
	"   0x8000001f 0x00: eax=0x00000000 ebx=0x0 ecx=0x0 edx=0x0\n";

static void test_cpuid(void **state)
{
	struct cpuid_regs r;

	assert_int_equal(probe_cpuid(cpuid, 0x8000001f, 0, &r), PROBE_SAYS);
	assert_int_equal(r.eax, 0x1b);
	assert_int_equal(r.edx, 3);
	assert_int_equal(probe_cpuid(cpuid, 0, 0, &r), PROBE_SAYS);
	assert_int_equal(r.ebx, 0x68747541);
	assert_int_equal(probe_cpuid(cpuid, 0, 1, &r), PROBE_SILENT);
	assert_int_equal(probe_cpuid("", 0, 0, &r), PROBE_SILENT);
}

static void test_cpuid_nonsense(void **state)
{
	static const char *const rows[] = {
		"0x0 0x0: eax=0x1 ebx=0x2 ecx=0x3",
		"0x0 0x0: eax=0x1 ebx=0x2 ecx=0x3 edx=",
		"0x0 0x0: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4 more=0x5",
		"0x0 0x0: eax=0x100000000 ebx=0x2 ecx=0x3 edx=0x4",
		"0x0 0x0: ebx=0x1 eax=0x2 ecx=0x3 edx=0x4",
		"0x0 0x0 eax=0x1 ebx=0x2 ecx=0x3 edx=0x4",
		"0x0 : eax=0x1 ebx=0x2 ecx=0x3 edx=0x4",
		"-1 0x0: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4",
		"0x0",
		"a b c d e f g h i j k l",
	};
	struct cpuid_regs r = { 7, 7, 7, 7 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (probe_cpuid(rows[i], 0, 0, &r) != PROBE_MALFORMED || r.eax != 7)
			fail_msg("%s", rows[i]);
	/* What is good counts nevertheless. */
	assert_int_equal(probe_cpuid("x\n0x0 0x0: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4", 0, 0, &r),
			 PROBE_SAYS);
}

static void test_msr(void **state)
{
	static const char text[] = "0 0xc0010131 0x7\n1 0x8b 1\n0 0x8b EIO\n0 0x87 EACCES\n"
				   "0 0x10 nothing\n";
	uint64_t value = 9;

	assert_int_equal(probe_msr(text, 0xc0010131, &value), PROBE_SAYS);
	assert_int_equal(value, 7);
	assert_int_equal(probe_msr(text, 0x8b, &value), PROBE_FAILED);
	assert_int_equal(probe_msr(text, 0x87, &value), PROBE_DENIED);
	assert_int_equal(probe_msr(text, 0x10, &value), PROBE_MALFORMED);
	assert_int_equal(probe_msr(text, 0x11, &value), PROBE_SILENT);
	assert_int_equal(probe_msr("0 0x1", 0x11, &value), PROBE_MALFORMED);
	assert_int_equal(probe_msr("0 0x11 0x10000000000000000", 0x11, &value), PROBE_MALFORMED);
	assert_int_equal(value, 7);
}

static void test_kvm(void **state)
{
	static const char text[] = "9 288 288\n235 1 57\n234 -22 0\nprobe hlt=ok\nprobe x=a b\n";
	char word[8];
	int64_t value = 9;

	assert_int_equal(probe_kvm_cap(text, 235, false, &value), PROBE_SAYS);
	assert_int_equal(value, 1);
	assert_int_equal(probe_kvm_cap(text, 235, true, &value), PROBE_SAYS);
	assert_int_equal(value, 57);
	assert_int_equal(probe_kvm_cap(text, 234, false, &value), PROBE_FAILED);
	assert_int_equal(probe_kvm_cap(text, 234, true, &value), PROBE_SAYS);
	assert_int_equal(probe_kvm_cap(text, 233, true, &value), PROBE_SILENT);
	assert_int_equal(probe_kvm_cap("235 1 -\n", 235, true, &value), PROBE_FAILED);
	assert_int_equal(probe_kvm_cap("235 - 1\n", 235, true, &value), PROBE_SAYS);
	assert_int_equal(value, 1);
	assert_int_equal(probe_kvm_cap("235 -- 1\n", 235, true, &value), PROBE_MALFORMED);
	assert_int_equal(probe_kvm_cap("235 1\n", 235, true, &value), PROBE_MALFORMED);
	assert_int_equal(probe_kvm_cap("235 1 - 2\n", 235, true, &value), PROBE_MALFORMED);

	assert_int_equal(probe_kvm_value(text, "hlt", word, sizeof(word)), PROBE_SAYS);
	assert_string_equal(word, "ok");
	assert_int_equal(probe_kvm_value(text, "x", word, sizeof(word)), PROBE_SAYS);
	assert_string_equal(word, "a b");
	assert_int_equal(probe_kvm_value(text, "hl", word, sizeof(word)), PROBE_SILENT);
	assert_int_equal(probe_kvm_value("probe long=0123456789", "long", word, sizeof(word)),
			 PROBE_SAYS);
	assert_string_equal(word, "0123456");
}

static void test_kmsg(void **state)
{
	static const char text[] = "<6>[    1.000000] first x\n"
				   "[    2.0] second\0x\n"
				   "<14>[    3.0] x by a process\n"
				   "third x";
	char line[16];
	size_t at;

	at = probe_kmsg(text, sizeof(text) - 1, 0, "x", line, sizeof(line));
	assert_true(at > 0);
	assert_string_equal(line, "first x");
	at = probe_kmsg(text, sizeof(text) - 1, at, "x", line, sizeof(line));
	assert_string_equal(line, "second?x");
	at = probe_kmsg(text, sizeof(text) - 1, at, "x", line, sizeof(line));
	assert_string_equal(line, "third x");
	assert_int_equal(probe_kmsg(text, sizeof(text) - 1, at, "x", line, sizeof(line)), 0);
	assert_int_equal(probe_kmsg(text, 0, 0, "x", line, sizeof(line)), 0);
	/* Not in the stamp. */
	assert_int_equal(probe_kmsg("[ x ] y", 7, 0, "x", line, sizeof(line)), 0);
	assert_true(probe_kmsg("0123456789012345678", 19, 0, "0", line, sizeof(line)) > 0);
	assert_string_equal(line, "012345678901234");
	/* What does not fit is not found. */
	assert_true(probe_kmsg("01234567890123x", 15, 0, "x", line, sizeof(line)) > 0);
	assert_string_equal(line, "01234567890123x");
	assert_int_equal(probe_kmsg("012345678901234x", 16, 0, "x", line, sizeof(line)), 0);
}

static void test_tokens(void **state)
{
	static const char text[] = "coco yes /a b\ncoco no /c\ncoco maybe /d\nx\n";
	bool has = false;

	assert_int_equal(probe_token(text, "coco", "/a b", &has), PROBE_SAYS);
	assert_true(has);
	assert_int_equal(probe_token(text, "coco", "/c", &has), PROBE_SAYS);
	assert_false(has);
	assert_int_equal(probe_token(text, "coco", "/d", &has), PROBE_MALFORMED);
	assert_int_equal(probe_token(text, "coco", "/a", &has), PROBE_MALFORMED);
	assert_int_equal(probe_token("coco yes /a\n", "tpm2", "/a", &has), PROBE_SILENT);
}

static void test_rights(void **state)
{
	static const char text[] = "# whose\n/a 100640 0 12\n/a b 140600 1000 0\n/a 100777 9 9\n"
				   "/c 0x1a4 0 0\n/d 100644 -1 0\n/e 100644 0\n/f 88 0 0\n"
				   "/g 77777777 0 0\n";
	static const char *const wrong[] = { "/c", "/d", "/e", "/f", "/g", "/h" };
	struct file_rights r = { 1, 2, 3 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(probe_rights(text, wrong[i], &r), PROBE_MALFORMED);
	assert_int_equal(r.mode, 1);
	assert_int_equal(probe_rights(text, "/a", &r), PROBE_SAYS);
	assert_int_equal(r.mode, 0100640);
	assert_int_equal(r.uid, 0);
	assert_int_equal(r.gid, 12);
	assert_int_equal(probe_rights(text, "/a b", &r), PROBE_SAYS);
	assert_int_equal(r.mode, 0140600);
	assert_int_equal(r.uid, 1000);
	assert_int_equal(probe_rights("/a 100640 0 12\n", "/b", &r), PROBE_SILENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpuid), cmocka_unit_test(test_cpuid_nonsense),
		cmocka_unit_test(test_msr),   cmocka_unit_test(test_kvm),
		cmocka_unit_test(test_kmsg),
		cmocka_unit_test(test_rights), cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
