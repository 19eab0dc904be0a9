/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine has besides, for information. */
#include <stdio.h>

#include "base/parse.h"
#include "doctor/host.h"

/* Source: AMD's and Intel's manuals, leaf 7: UMIP. */
#define CPUID_FEATURES 7
#define FEATURE_UMIP (1u << 2)

void host_umip(struct exam *x, struct result *r)
{
	struct cpuid_regs f;

	if (provider_cpuid(x->p, CPUID_FEATURES, 0, &f) != GOT_IT || !(f.ecx & FEATURE_UMIP)) {
		result_set(r, OUTCOME_NA, "The CPU has no user-mode instruction prevention (UMIP)");
		return;
	}
	result_saw(r, "cpuid 0x7 ecx", "0x%x", (unsigned)f.ecx);
	result_set(r, OUTCOME_PASS, "The CPU has user-mode instruction prevention (UMIP)");
}

/* Source: Intel's SDM, volume 4: IA32_MCG_CAP and IA32_FEATURE_CONTROL. */
#define MSR_MCG_CAP 0x179
#define MCG_LMCE (1ull << 27)
#define MSR_FEATURE_CONTROL 0x3a
#define CONTROL_LMCE (1ull << 20)

void host_lmce(struct exam *x, struct result *r)
{
	uint64_t cap, control;
	enum got got;

	if (!machine_is_intel(&x->machine)) {
		result_set(r, OUTCOME_NA, "Only Intel's CPUs have local machine check exceptions");
		return;
	}
	got = host_msr(x, r, MSR_MCG_CAP, &cap);
	if (got == GOT_IT && !(cap & MCG_LMCE)) {
		result_set(r, OUTCOME_NA, "The CPU has no local machine check exceptions");
		return;
	}
	if (got == GOT_IT)
		got = host_msr(x, r, MSR_FEATURE_CONTROL, &control);
	if (got != GOT_IT) {
		host_no_msr(r, MSR_FEATURE_CONTROL, got);
		return;
	}
	if (control & CONTROL_LMCE) {
		result_set(r, OUTCOME_PASS, "A memory error stops one CPU, and not all (LMCE)");
		return;
	}
	result_set(r, OUTCOME_WARN, "The firmware has local machine check exceptions (LMCE) off");
	result_fix(r, FIX_BIOS, "Enable LMCE (Local Machine Check)");
}

void host_l2_cat(struct exam *x, struct result *r)
{
	char flags[TREE_LINE_MAX];

	if (!host_flag(x->p, "flags", "cat_l2", flags)) {
		result_set(r, OUTCOME_NA, "The CPU cannot divide its level 2 caches (L2 CAT)");
		return;
	}
	result_saw(r, "/proc/cpuinfo", "cat_l2");
	result_set(r, OUTCOME_PASS,
		   "The CPU can divide its level 2 caches among guests (L2 CAT); nothing here "
		   "needs it");
}

void host_mirrored_memory(struct exam *x, struct result *r)
{
	char line[TREE_LINE_MAX], value[PROVIDER_LINE_MAX];

	if (provider_kmsg(x->p, "mirrored memory", NULL, line) != GOT_IT ||
	    !startswith(line, "efi: ")) {
		result_set(r, OUTCOME_NA, "Nothing says that the firmware mirrors memory");
		return;
	}
	result_saw(r, "kmsg", "%.200s", line);
	if (provider_cmdline(x->p, "kernelcore", value) == GOT_IT && streq(value, "mirror")) {
		result_set(r, OUTCOME_PASS, "The kernel itself is in mirrored memory");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "There is mirrored memory, which the kernel does not keep for itself");
	result_fix(r, FIX_KERNEL_ARG, "kernelcore=mirror");
}

/* ---- Arm ---- */

/* Source: Arm's list of implementers, and the kernel's names of their parts. */
static const struct soc {
	unsigned implementer, part;
	const char *name;
} socs[] = {
	{ 0x51, 0xc00, "Qualcomm Centriq 2400" },
	{ 0x43, 0x0a1, "Cavium ThunderX" },
};

void host_arm(struct exam *x, struct result *r)
{
	static const char path[] = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1";
	const char *name = "a CPU that has no name here";
	char line[TREE_LINE_MAX];
	uint64_t midr;
	enum got got = provider_number(x->p, path, &midr);
	bool its;

	if (got == GOT_ABSENT) {
		result_set(r, OUTCOME_NA, "This is no Arm machine");
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, path, got);
		return;
	}
	result_saw(r, path, "0x%llx", (unsigned long long)midr);
	for (size_t i = 0; i < ARRAY_SIZE(socs); i++)
		if ((midr >> 24 & 0xff) == socs[i].implementer &&
		    (midr >> 4 & 0xfff) == socs[i].part)
			name = socs[i].name;
	its = provider_find_text(x->p, "/proc/interrupts", " ITS-", line) == GOT_IT && line[0];
	result_set(r, OUTCOME_PASS,
		   "This is an Arm machine, %s, %s: it hosts no SEV or TDX, and nothing here is "
		   "made for it",
		   name, its ? "whose devices interrupt through GICv3's ITS" : "without an ITS");
}
