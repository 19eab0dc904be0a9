/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What TDX needs of the firmware, the CPU and the kernel. */
#include <stdio.h>

#include "doctor/host.h"

/* Source: Intel's SDM, volume 4, and the specification of Multi-Key Total Memory Encryption. */
#define MSR_KEYS 0x87			/* the upper half: private KeyIDs */
#define MSR_PLATFORM_INFO 0xce
#define PLATFORM_PREPRODUCTION (1ull << 27)
#define MSR_TME 0x982
#define TME_ENABLED (1ull << 1)
#define MSR_SEAMRR 0x1401
#define SEAMRR_ENABLED (1ull << 11)

#define KMSG_KEYS "virt/tdx: BIOS enabled: private KeyID range"
#define KMSG_READY "virt/tdx: module initialized"

static bool has_tdx(struct exam *x, struct result *r)
{
	return host_has(x, r, FOR(REQUIRE_TDX), "TDX, or the firmware hides it");
}

static bool kernel_said(struct exam *x, struct result *r, const char *needle)
{
	char line[TREE_LINE_MAX];

	if (provider_kmsg(x->p, needle, NULL, line) != GOT_IT)
		return false;
	result_saw(r, "kmsg", "%.200s", line);
	return true;
}

/* ---- the firmware's settings, in the order in which they build on each other ---- */

static const struct setting {
	uint32_t msr;
	uint64_t bits;		/* one of these is set when it is on */
	const char *off;	/* what is off, and where it is switched on */
	const char *fix;
} settings[] = {
	{ MSR_TME, TME_ENABLED, "The firmware has not switched total memory encryption on",
	  "Enable Total Memory Encryption (TME) and its multi-key form (TME-MT)" },
	{ MSR_KEYS, 0xffffffff00000000ull, "The firmware gave TDX no private keys",
	  "Enable Trust Domain Extension (TDX), and set TME-MT/TDX key split to 1 or more" },
	{ MSR_SEAMRR, SEAMRR_ENABLED, "The firmware set no memory aside for the TDX module",
	  "Enable TDX Secure Arbitration Mode Loader (SEAM Loader)" },
};

void host_tdx_bios(struct exam *x, struct result *r)
{
	if (!has_tdx(x, r))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];
		uint64_t value;
		enum got got = host_msr(x, r, s->msr, &value);

		if (got != GOT_IT && kernel_said(x, r, KMSG_KEYS))
			break;
		if (got != GOT_IT) {
			host_no_msr(r, s->msr, got);
			return;
		}
		if (value & s->bits)
			continue;
		result_set(r, OUTCOME_FAIL, "%s", s->off);
		result_fix(r, FIX_BIOS, "%s", s->fix);
		return;
	}
	result_set(r, OUTCOME_PASS, "The firmware has switched TDX on");
}

void host_tdx_production(struct exam *x, struct result *r)
{
	uint64_t info;
	enum got got;

	if (!has_tdx(x, r))
		return;
	got = host_msr(x, r, MSR_PLATFORM_INFO, &info);
	if (got != GOT_IT) {
		host_no_msr(r, MSR_PLATFORM_INFO, got);
		return;
	}
	if (!(info & PLATFORM_PREPRODUCTION)) {
		result_set(r, OUTCOME_PASS, "The CPU is a production part");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "The CPU is a pre-production part: its guests start, but nobody can verify "
		   "their evidence by Intel's certificates");
	result_fix(r, FIX_NONE,
		   "Use another machine for guests that get secrets by their evidence");
}

/* ---- the kernel ---- */

static const char *const needs[] = {
	"/sys/module/kvm_intel/parameters/ept",
	"/sys/module/kvm_intel/parameters/enable_apicv",
	"/sys/module/kvm/parameters/tdp_mmu",
	"/sys/module/kvm/parameters/mmio_caching",
};

/* "kvm_intel.ept=1" for the path of that parameter. */
static void mend(struct result *r, const char *path)
{
	const char *module = path + strlen("/sys/module/");
	const char *end = strchr(module, '/');

	result_fix(r, FIX_KERNEL_ARG, "%.*s.%s=1", (int)(end - module), module,
		   strrchr(path, '/') + 1);
}

void host_tdx_needs(struct exam *x, struct result *r)
{
	enum got missing = GOT_IT;

	if (!has_tdx(x, r))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		uint64_t on = 0;
		enum got got = provider_number(x->p, needs[i], &on);

		if (got != GOT_IT) {
			missing = got;
			continue;
		}
		if (on)
			continue;
		result_saw(r, needs[i], "N");
		result_set(r, OUTCOME_FAIL, "KVM makes no VMs of TDX without what is off here");
		mend(r, needs[i]);
	}
	if (r->outcome == OUTCOME_FAIL)
		return;
	if (missing != GOT_IT)
		result_unknown(r, "a parameter of KVM's that TDX needs", missing);
	else
		result_set(r, OUTCOME_PASS, "What KVM needs for TDX is on");
}

static void not_initialized(struct exam *x, struct result *r)
{
	uint64_t on = 0;

	if (provider_number(x->p, "/sys/module/kvm_intel/parameters/tdx", &on) == GOT_IT && !on) {
		result_saw(r, "/sys/module/kvm_intel/parameters/tdx", "N");
		result_set(r, OUTCOME_FAIL,
			   "The TDX module was not started: the kernel starts it only when "
			   "kvm_intel is loaded with tdx=1");
		result_fix(r, FIX_MODPROBE, "options kvm_intel tdx=1 (in /etc/modprobe.d, then "
			   "load the module anew)");
		return;
	}
	result_set(r, OUTCOME_UNKNOWN,
		   "Nothing says that the TDX module was started; the kernel's log may have "
		   "forgotten it");
	result_fix(r, FIX_NONE, "Run it as root, and look at: journalctl -k | grep virt/tdx");
}

void host_tdx_module(struct exam *x, struct result *r)
{
	static const char device[] = "/sys/devices/faux/tdx_host/version";
	static const char *const troubles[] = {
		"virt/tdx: module initialization failed",
		"virt/tdx: initialization failed",
		"virt/tdx: SEAMCALL",
	};
	char line[PROVIDER_LINE_MAX];

	if (!has_tdx(x, r))
		return;
	if (provider_line(x->p, device, line) == GOT_IT) {
		result_saw(r, device, "%s", line);
		result_set(r, OUTCOME_PASS, "The TDX module runs");
		return;
	}
	if (kernel_said(x, r, KMSG_READY)) {
		result_set(r, OUTCOME_PASS, "The TDX module runs");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		if (!kernel_said(x, r, troubles[i]))
			continue;
		result_set(r, OUTCOME_FAIL, "The TDX module did not start");
		result_fix(r, FIX_BIOS, "Update the machine's firmware, which has the TDX module");
		return;
	}
	not_initialized(x, r);
}

/*
 * Since Linux 6.19 KVM takes all locks of a TDX guest for what may not be done side by side.  The
 * function has a name of its own, if the compiler left it one.
 */
void host_tdx_locks(struct exam *x, struct result *r)
{
	char line[TREE_LINE_MAX];
	enum got got;

	if (!has_tdx(x, r))
		return;
	if (kernel_said(x, r, "arch/x86/kvm/vmx/tdx.c")) {
		result_set(r, OUTCOME_WARN,
			   "KVM warned in its code for TDX: a VMM's requests side by side can stop "
			   "a guest in kernels before 6.19");
		result_fix(r, FIX_KERNEL_CONFIG, "A kernel from 6.19 on");
		return;
	}
	got = provider_find_text(x->p, "/proc/kallsyms", " tdx_acquire_vm_state_locks", line);
	if (got == GOT_IT && line[0]) {
		result_saw(r, "/proc/kallsyms", "tdx_acquire_vm_state_locks");
		result_set(r, OUTCOME_PASS, "KVM has the locks of Linux 6.19 for TDX");
		return;
	}
	if (got != GOT_IT)
		result_unknown(r, "/proc/kallsyms", got);
	else
		result_set(r, OUTCOME_UNKNOWN,
			   "It cannot be seen whether KVM has the locks of Linux 6.19 for TDX");
}
