/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What SEV, SEV-ES and SEV-SNP need of the firmware, the IOMMU and the secure processor. */
#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"
#include "doctor/host.h"

/* Source: AMD64 Architecture Programmer's Manual, volume 2: SYSCFG and the reverse map table. */
#define MSR_SYSCFG 0xc0010010
#define SYSCFG_MEMORY_ENCRYPTION (1ull << 23)
#define MSR_RMP_BASE 0xc0010132
#define MSR_RMP_END 0xc0010133

/* CPUID says what the CPU can do, also when the firmware has not switched it on. */
void host_sev_bios(struct exam *x, struct result *r)
{
	uint64_t syscfg;
	enum got got;

	if (!host_has(x, r, FOR_AMD, "SEV"))
		return;
	got = host_msr(x, r, MSR_SYSCFG, &syscfg);
	if (got != GOT_IT && host_kvm_makes(x, r, VM_TYPE_SEV)) {
		result_set(r, OUTCOME_PASS, "Memory encryption is on, as KVM makes VMs of SEV");
		return;
	}
	if (got != GOT_IT) {
		host_no_msr(r, MSR_SYSCFG, got);
		return;
	}
	if (syscfg & SYSCFG_MEMORY_ENCRYPTION) {
		result_set(r, OUTCOME_PASS, "The firmware has switched memory encryption on");
		return;
	}
	result_set(r, OUTCOME_FAIL, "The firmware has not switched memory encryption on");
	result_fix(r, FIX_BIOS,
		   "Enable SMEE (Secure Memory Encryption Enable), under AMD CBS, CPU");
}

void host_snp_rmp(struct exam *x, struct result *r)
{
	uint64_t base, end;
	enum got got;

	if (!host_has(x, r, FOR(REQUIRE_SNP), "SEV-SNP"))
		return;
	got = host_msr(x, r, MSR_RMP_BASE, &base);
	if (got == GOT_IT)
		got = host_msr(x, r, MSR_RMP_END, &end);
	if (got != GOT_IT && host_kvm_makes(x, r, VM_TYPE_SNP)) {
		result_set(r, OUTCOME_PASS,
			   "There is a reverse map table, as KVM makes VMs of SEV-SNP");
		return;
	}
	if (got != GOT_IT) {
		host_no_msr(r, MSR_RMP_BASE, got);
		return;
	}
	if (base && end > base) {
		result_set(r, OUTCOME_PASS,
			   "The firmware set %llu MiB aside for the reverse map table",
			   (unsigned long long)((end - base) >> 20));
		return;
	}
	result_set(r, OUTCOME_FAIL,
		   "The firmware set no memory aside for SEV-SNP's reverse map table");
	result_fix(r, FIX_BIOS, "Enable SNP Memory (RMP Table) Coverage, and SEV-SNP Support");
}

/* ---- the IOMMU ---- */

/* Extended features.  Source: AMD I/O Virtualization Technology Specification, MMIO offset 30h. */
#define EFR_SNP (1ull << 63)

/* GOT_IT when an IOMMU's features are in @ret: those that all of them have. */
static enum got iommu_features(struct provider *p, uint64_t *ret)
{
	_cleanup_(tree_names_done) struct tree_names names = { 0 };
	enum got got = provider_list(p, "/sys/class/iommu", &names), found = GOT_ABSENT;

	*ret = UINT64_MAX;
	for (size_t i = 0; got == GOT_IT && i < names.n; i++) {
		char path[512], line[PROVIDER_LINE_MAX], number[24];
		uint64_t features;

		if (!startswith(names.names[i], "ivhd"))
			continue;
		snprintf(path, sizeof(path), "/sys/class/iommu/%.255s/amd-iommu/features",
			 names.names[i]);
		got = provider_line(p, path, line);
		if (got != GOT_IT)
			return got;
		/* Newer kernels add a second register after a colon. */
		snprintf(number, sizeof(number), "0x%.*s", (int)MIN(strcspn(line, ":"), 16), line);
		if (parse_u64(number, &features) < 0)
			return GOT_MALFORMED;
		*ret &= features;
		found = GOT_IT;
	}
	return got == GOT_IT ? found : got;
}

/* The option that takes the IOMMU away from SNP, or NULL. */
static const char *option_against(struct provider *p)
{
	static const struct {
		const char *name, *word, *option;
	} rows[] = {
		{ "iommu", "pt", "iommu=pt" },
		{ "iommu", "off", "iommu=off" },
		{ "amd_iommu", "off", "amd_iommu=off" },
		{ "amd_iommu", "pgtbl_v2", "amd_iommu=pgtbl_v2" },
		{ "iommu.passthrough", "1", "iommu.passthrough=1" },
		{ "iommu.passthrough", "y", "iommu.passthrough=y" },
		{ "iommu.passthrough", "on", "iommu.passthrough=on" },
	};
	char value[PROVIDER_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (provider_cmdline(p, rows[i].name, value) == GOT_IT &&
		    text_has_word(value, ",", rows[i].word))
			return rows[i].option;
	return NULL;
}

/* True if this kernel passes through unless it is told not to, and it is not. */
static bool passes_by_default(struct provider *p)
{
	char value[PROVIDER_LINE_MAX];

	if (provider_config(p, "CONFIG_IOMMU_DEFAULT_PASSTHROUGH", value, NULL) != GOT_IT ||
	    !streq(value, "y"))
		return false;
	if (provider_cmdline(p, "iommu", value) == GOT_IT && text_has_word(value, ",", "nopt"))
		return false;
	return provider_cmdline(p, "iommu.passthrough", value) != GOT_IT || !streq(value, "0");
}

static void judge_features(struct exam *x, struct result *r)
{
	uint64_t features;
	enum got got;

	got = iommu_features(x->p, &features);
	if (got == GOT_ABSENT) {
		result_saw(r, "/sys/class/iommu", "no ivhd");
		result_set(r, OUTCOME_FAIL, "There is no AMD IOMMU, which SEV-SNP needs");
		result_fix(r, FIX_BIOS, "Enable IOMMU");
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, "the features of an IOMMU", got);
		return;
	}
	result_saw(r, "/sys/class/iommu/ivhd*/amd-iommu/features", "0x%llx",
		   (unsigned long long)features);
	if (features & EFR_SNP) {
		result_set(r, OUTCOME_PASS, "The IOMMUs support SEV-SNP");
		return;
	}
	result_set(r, OUTCOME_FAIL, "An IOMMU does not support SEV-SNP, or is not set up for it");
	result_fix(r, FIX_BIOS, "Enable SEV-SNP Support, under AMD CBS, NBIO");
}

void host_snp_iommu(struct exam *x, struct result *r)
{
	const char *option;

	if (!host_has(x, r, FOR(REQUIRE_SNP), "SEV-SNP"))
		return;
	option = option_against(x->p);
	if (option) {
		result_saw(r, "/proc/cmdline", "%s", option);
		result_set(r, OUTCOME_FAIL,
			   "The kernel keeps SEV-SNP off for the way it uses the IOMMU: %s",
			   option);
		result_fix(r, FIX_KERNEL_ARG, "Remove %s", option);
		return;
	}
	if (passes_by_default(x->p) && !host_kvm_makes(x, r, VM_TYPE_SNP)) {
		result_saw(r, "the kernel's configuration", "CONFIG_IOMMU_DEFAULT_PASSTHROUGH=y");
		result_set(r, OUTCOME_FAIL,
			   "The kernel keeps SEV-SNP off, as the IOMMU passes through by default");
		result_fix(r, FIX_KERNEL_ARG, "iommu=nopt");
		return;
	}
	judge_features(x, r);
}

/* ---- the secure processor ---- */

void host_sev_device(struct exam *x, struct result *r)
{
	enum got got;

	if (!host_has(x, r, FOR_AMD, "SEV"))
		return;
	got = provider_look(x->p, "/dev/sev");
	if (got == GOT_IT) {
		result_set(r, OUTCOME_PASS, "The secure processor's driver is there");
		return;
	}
	if (got != GOT_ABSENT) {
		result_unknown(r, "/dev/sev", got);
		return;
	}
	result_saw(r, "/dev/sev", "%s", got_words(got));
	result_set(r, OUTCOME_FAIL, "The secure processor has no driver, or the firmware hides it");
	result_fix(r, FIX_MODPROBE, "modprobe ccp");
	result_fix(r, FIX_NONE, "If that does not help: dmesg | grep ccp");
}

/* What starts SNP guests with attestation reports of the current version. */
#define SNP_API_MAJOR 1
#define SNP_API_MINOR 51

void host_snp_api(struct exam *x, struct result *r)
{
	static const char needle[] = "SEV-SNP API:";
	char line[TREE_LINE_MAX];
	const char *said = NULL;
	unsigned major, minor;
	enum got got;

	if (!host_has(x, r, FOR(REQUIRE_SNP), "SEV-SNP"))
		return;
	got = provider_kmsg(x->p, needle, NULL, line);
	if (got == GOT_IT)
		said = strstr(line, needle);
	if (got == GOT_IT &&
	    (!said || sscanf(said + strlen(needle), "%4u.%4u", &major, &minor) != 2))
		got = GOT_MALFORMED;
	if (got != GOT_IT) {
		result_unknown(r, "the version of SEV-SNP's firmware in the kernel's log", got);
		return;
	}
	result_saw(r, "kmsg", "%.200s", said);
	if (major > SNP_API_MAJOR || (major == SNP_API_MAJOR && minor >= SNP_API_MINOR)) {
		result_set(r, OUTCOME_PASS, "The secure processor's firmware has API %u.%u", major,
			   minor);
		return;
	}
	result_set(r, OUTCOME_FAIL,
		   "The secure processor's firmware has API %u.%u: SEV-SNP guests need %u.%u",
		   major, minor, SNP_API_MAJOR, SNP_API_MINOR);
	result_fix(r, FIX_BIOS, "Update the machine's firmware");
	result_fix(r, FIX_PACKAGE, "amd64-microcode, or AMD's SEV firmware in /lib/firmware/amd");
}
