/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/gather/tee.h"

#include <cmocka.h>

#define ALL (SEV_STATUS_SEV | SEV_STATUS_ES | SEV_STATUS_SNP)

static void test_judge(void **state)
{
	static const struct {
		struct tee_witnesses w;
		enum tee tee;
	} cases[] = {
		{ { 0 }, TEE_NONE },
		{ { .cpuid_sev = true, .sev_status = 1, .kernel_sev = 1 }, TEE_SEV },
		{ { .cpuid_sev = true, .cpuid_es = true, .sev_status = 3, .kernel_sev = 3 },
		  TEE_SEV_ES },
		{ { .cpuid_sev = true,
		    .cpuid_es = true,
		    .cpuid_snp = true,
		    .sev_status = 7,
		    .kernel_sev = 7 },
		  TEE_SEV_SNP },
		/* What the CPU could do, but this guest does not. */
		{ { .cpuid_sev = true,
		    .cpuid_es = true,
		    .cpuid_snp = true,
		    .sev_status = 1,
		    .kernel_sev = 1 },
		  TEE_SEV },
		{ { .cpuid_sev = true }, TEE_NONE },
		/* Other bits than these three do not matter. */
		{ { .cpuid_sev = true, .sev_status = 0x21, .kernel_sev = 1 }, TEE_SEV },
		{ { .cpuid_tdx = true }, TEE_TDX },
		{ { .cpuid_tdx = true, .kernel_tdx = true }, TEE_TDX },
		/* Witnesses that lie, and witnesses that cannot be heard. */
		{ { .cpuid_sev = true, .sev_status = 1 }, TEE_UNKNOWN },
		{ { .cpuid_sev = true, .kernel_sev = 1 }, TEE_UNKNOWN },
		{ { .cpuid_sev = true, .sev_status = 3, .kernel_sev = 3 }, TEE_UNKNOWN },
		{ { .cpuid_sev = true, .cpuid_es = true, .sev_status = 3, .kernel_sev = 1 },
		  TEE_UNKNOWN },
		{ { .cpuid_sev = true, .cpuid_es = true, .sev_status = 2, .kernel_sev = 2 },
		  TEE_UNKNOWN },
		{ { .cpuid_sev = true, .status_error = -ENOENT, .kernel_sev = 1 }, TEE_UNKNOWN },
		{ { .cpuid_sev = true, .kernel_error = -EPERM, .sev_status = 1 }, TEE_UNKNOWN },
		{ { .kernel_sev = 1 }, TEE_UNKNOWN },
		{ { .kernel_tdx = true }, TEE_UNKNOWN },
		{ { .cpuid_sev = true, .cpuid_tdx = true, .sev_status = 1, .kernel_sev = 1 },
		  TEE_UNKNOWN },
	};
	char reason[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reason[0] = '\0';
		assert_int_equal(tee_judge(&cases[i].w, reason, sizeof(reason)), cases[i].tee);
		assert_true(reason[0] != '\0');
	}
}

static void test_kmsg(void **state)
{
	static const struct {
		const char *line;
		unsigned sev;
		bool tdx;
	} cases[] = {
		{ "6,210,0,-;AMD Memory Encryption Features active: SEV\n", SEV_STATUS_SEV, false },
		{ "6,210,0,-;AMD Memory Encryption Features active: SEV SEV-ES\n",
		  SEV_STATUS_SEV | SEV_STATUS_ES, false },
		{ "6,210,0,-;Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP\n", ALL,
		  false },
		{ "6,210,0,-,caller=T0;Memory Encryption Features active: AMD SEV", SEV_STATUS_SEV,
		  false },
		{ "6,210,0,-;Memory Encryption Features active: Intel TDX\n", 0, true },
		{ "6,2,0,-;tdx: Guest detected\n", 0, true },
		{ "6,210,0,-;AMD Memory Encryption Features active: SME\n", 0, false },
		/* Written by a process: facility 1, user. */
		{ "14,210,0,-;AMD Memory Encryption Features active: SEV\n", 0, false },
		/* The words, but not in the kernel's form. */
		{ "6,210,0,-;x Memory Encryption Features active: SEV\n", 0, false },
		{ "6,210,0,-;foo\n DEVICE=;AMD Memory Encryption Features active: SEV\n", 0,
		  false },
		{ "16,210,0,-;AMD Memory Encryption Features active: SEV\n", 0, false },
		{ "8,210,0,-;tdx: Guest detected\n", 0, false },
		{ ":,210,0,-;tdx: Guest detected\n", 0, false },
		{ "-1,210,0,-;tdx: Guest detected\n", 0, false },
		{ " 6,210,0,-;tdx: Guest detected\n", 0, false },
		{ "0,210,0,-;tdx: Guest detected\n", 0, true },
		{ "7,210,0,-;tdx: Guest detected\n", 0, true },
		{ "6", 0, false },
		{ "6;tdx: Guest detected", 0, false },
		{ "6,210,0,-", 0, false },
		{ "", 0, false },
		{ "x;AMD Memory Encryption Features active: SEV", 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tee_witnesses w = { 0 };

		tee_hear_kmsg(&w, cases[i].line);
		assert_int_equal(w.kernel_sev, cases[i].sev);
		assert_int_equal(w.kernel_tdx, cases[i].tdx);
	}
}

static unsigned n_log_opened, n_register_opened;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	n_log_opened += streq(path, "/dev/kmsg");
	n_register_opened += streq(path, "/dev/cpu/0/msr");
	return __real_open(path, flags);
}

/*
 * On any machine the question itself does not fail, and the name is one of ours.  Only where the
 * CPU says that there is something to ask about are the others asked, once.
 */
static void test_ask(void **state)
{
	struct tee_witnesses w;
	char reason[256];

	tee_ask(&w);
	assert_int_equal(n_log_opened, w.cpuid_sev || w.cpuid_tdx ? 1 : 0);
	assert_int_equal(n_register_opened, w.cpuid_sev ? 1 : 0);
	assert_true(tee_judge(&w, reason, sizeof(reason)) < _TEE_MAX);
	assert_string_equal(tee_name(TEE_SEV_ES), "sev-es");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_kmsg),
		cmocka_unit_test(test_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
