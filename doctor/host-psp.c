/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AMD's secure processor: what it says of itself, and what the kernel's log says of it. */
#include <stdio.h>

#include "base/hex.h"
#include "doctor/host.h"

/* Its answer.  Source: SEV Secure Nested Paging Firmware ABI Specification, SNP_PLATFORM_STATUS. */
#define STATUS_RMP 3		/* the byte of which IS_RMP_INIT is bit 0; others are in use too */
#define IS_RMP_INIT 1
#define STATUS_MIN 4

#define LOG_SNP_RUNS "SEV-SNP API:"
#define PARAMETER "/sys/module/kvm_amd/parameters/sev_snp"

static bool is_snp_started(struct exam *x)
{
	char line[TREE_LINE_MAX];
	uint64_t on = 0;

	return provider_number(x->p, PARAMETER, &on) == GOT_IT && on &&
	       provider_kmsg(x->p, LOG_SNP_RUNS, NULL, line) == GOT_IT;
}

static void judge_status(struct result *r, const char *text)
{
	uint8_t status[STATUS_MIN];

	result_saw(r, "SNP_PLATFORM_STATUS", "%s", text);
	if (strlen(text) < 2 * sizeof(status) ||
	    hex_decode(text, sizeof(status), status) < 0) {
		result_set(r, OUTCOME_UNKNOWN, "The secure processor does not answer");
		return;
	}
	if (status[STATUS_RMP] & IS_RMP_INIT) {
		result_set(r, OUTCOME_PASS, "SEV-SNP is initialized, with API %u.%u", status[0],
			   status[1]);
		return;
	}
	result_set(r, OUTCOME_FAIL,
		   "The secure processor has no reverse map table: SEV-SNP is not initialized");
	result_fix(r, FIX_NONE, "dmesg | grep -e ccp -e SEV-SNP says why; then restart the host");
}

/*
 * Some kernels initialize SEV-SNP to be able to answer, so it is asked only where it is
 * initialized already.
 */
void host_snp_platform(struct exam *x, struct result *r)
{
	char text[PROVIDER_LINE_MAX];
	enum got got;

	if (!host_has(x, r, FOR(REQUIRE_SNP), "SEV-SNP"))
		return;
	if (!is_snp_started(x)) {
		result_set(r, OUTCOME_UNKNOWN,
			   "The secure processor was not asked: nothing says that SEV-SNP runs, "
			   "and on some kernels the question would start it");
		return;
	}
	got = provider_sev_probe(x->p, "snp-status", text);
	if (got == GOT_IT)
		judge_status(r, text);
	else
		result_unknown(r, "/dev/sev", got);
}

/* ---- the kernel's log ---- */

static const struct {
	const char *needle;
	enum fix_kind kind;
	const char *fix;
} complaints[] = {
	{ "memory encryption not enabled by BIOS", FIX_BIOS, "Enable SMEE (memory encryption)" },
	{ "Memory for the RMP table has not been reserved", FIX_BIOS,
	  "Enable SNP Memory (RMP Table) Coverage" },
	{ "SNP cannot be supported", FIX_KERNEL_ARG,
	  "Remove what switches the IOMMU off or to pass-through: iommu=, amd_iommu=" },
	{ "SEV: failed to ", FIX_BIOS, "Update the firmware of the machine" },
	{ "SEV-SNP: failed to ", FIX_BIOS, "Update the firmware of the machine" },
};

void host_sev_log(struct exam *x, struct result *r)
{
	static const char *const heard[] = { "SEV API:", LOG_SNP_RUNS };
	char line[TREE_LINE_MAX];
	bool any = false;
	enum got got;

	if (!host_has(x, r, FOR_AMD, "SEV"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
		got = provider_kmsg(x->p, complaints[i].needle, NULL, line);
		if (got == GOT_DENIED) {
			result_unknown(r, "the kernel's log", got);
			return;
		}
		if (got != GOT_IT)
			continue;
		result_saw(r, "kmsg", "%.200s", line);
		result_fix(r, complaints[i].kind, "%s", complaints[i].fix);
		result_set(r, OUTCOME_WARN,
			   "The kernel's log has an error of SEV's; it may be mended since");
	}
	if (r->outcome == OUTCOME_WARN)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(heard); i++)
		if (provider_kmsg(x->p, heard[i], NULL, line) == GOT_IT) {
			result_saw(r, "kmsg", "%.200s", line);
			any = true;
		}
	if (any)
		result_set(r, OUTCOME_PASS, "The kernel's log has no error of SEV's");
	else
		result_set(r, OUTCOME_UNKNOWN,
			   "The kernel's log says nothing of SEV, or has forgotten it");
}

/* ---- ASIDs ---- */

/*
 * Guests of SEV-ES and SEV-SNP have the ASIDs below the first of SEV's alone.  Source: AMD64
 * Architecture Programmer's Manual, volume 3, Fn8000_001F.
 */
void host_sev_split(struct exam *x, struct result *r)
{
	struct cpuid_regs c;
	enum got got = provider_cpuid(x->p, 0x8000001f, 0, &c);

	if (!host_has(x, r, FOR(REQUIRE_SEV_ES) | FOR(REQUIRE_SNP),
		      "SEV-ES or SEV-SNP"))
		return;
	if (got != GOT_IT) {
		result_unknown(r, "cpuid 0x8000001f", got);
		return;
	}
	result_saw(r, "cpuid 0x8000001f", "ecx 0x%x, edx 0x%x", c.ecx, c.edx);
	if (c.edx > 1 && c.ecx > 0) {
		result_set(r, OUTCOME_PASS,
			   "The firmware keeps %u ASIDs for VMs of SEV-ES and SEV-SNP",
			   MIN(c.edx - 1, c.ecx));
		return;
	}
	result_set(r, OUTCOME_FAIL, "The firmware keeps all ASIDs for VMs of SEV without SEV-ES");
	result_fix(r, FIX_BIOS,
		   "Set the SEV-ES ASID Space Limit (Minimum SEV non-ES ASID) to more than 1");
}
