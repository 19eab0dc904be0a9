/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"
#include "doctor/host.h"

/* Memory encryption by several keys, which TDX builds on.  Source: Intel's SDM, IA32_TME_... */
#define MSR_TME_KEYS 0x87

bool host_offers_tdx(struct provider *p, char flags[static TREE_LINE_MAX])
{
	uint64_t keys;

	if (host_flag(p, "flags", "tdx_host_platform", flags))
		return true;
	return provider_msr(p, MSR_TME_KEYS, &keys) == GOT_IT && keys >> 32 > 0;
}

/* What a person can do here in the meantime: KVM is asked, nothing is promised. */
static const char *nearest(struct exam *x)
{
	char value[PROVIDER_LINE_MAX];

	if (host_kvm_module_name(x) && provider_kvm_probe(x->p, "hlt", value) == GOT_IT &&
	    streq(value, "ok"))
		return "An ordinary VM of KVM is the nearest thing that works here; it is not "
		       "protected from this machine";
	return "A VM that QEMU emulates (-accel tcg) is the nearest thing that works here; it is "
	       "slow, and not protected from this machine";
}

static void lacks(struct exam *x, struct result *r)
{
	bool in_vm = x->machine.in_vm;

	if (in_vm)
		result_set(r, OUTCOME_FAIL,
			   "This is a VM, and its CPU offers it neither SEV nor TDX, by which AMD "
			   "and Intel protect VMs: it cannot host a confidential VM; the machine "
			   "below it might");
	else
		result_set(r, OUTCOME_FAIL,
			   "The CPU has neither SEV nor TDX, by which AMD and Intel protect VMs, "
			   "or the firmware hides it: this machine cannot host a confidential VM");
	result_fix(r, FIX_NONE, "%s", nearest(x));
	if (in_vm)
		result_fix(r, FIX_NONE,
			   "Run coco-inject doctor on the machine below, and cococtl doctor here "
			   "if this is the VM that is to have secrets");
	else
		result_fix(r, FIX_NONE,
			   "AMD EPYC from 7001 (SEV), 7002 (SEV-ES) and 7003 (SEV-SNP) on, and "
			   "Intel Xeon from the 5th generation (TDX) on, can");
}

void host_cpu(struct exam *x, struct result *r)
{
	const struct machine *m = &x->machine;
	char flags[TREE_LINE_MAX], names[OFFERS_TEXT_MAX];

	if (m->cpuid != GOT_IT) {
		result_unknown(r, "cpuid", m->cpuid);
		return;
	}
	result_saw(r, "cpuid 0x0", "%s", m->vendor);
	if (machine_is_amd(m))
		result_saw(r, "cpuid 0x8000001f eax", "0x%x", m->sev);
	if (machine_is_intel(m) && host_offers_tdx(x->p, flags))
		result_saw(r, "/proc/cpuinfo or msr 0x87", "%s",
			   text_has_word(flags, " ", "tdx_host_platform") ? "tdx_host_platform" :
									    "private KeyIDs");
	if (!x->offers) {
		lacks(x, r);
		return;
	}
	offers_text(x->offers, names);
	if (exam_lacks_required(x))
		result_set(r, OUTCOME_FAIL, "The CPU offers %s, and not %s", names,
			   requirement_names[x->required]);
	else
		result_set(r, OUTCOME_PASS, "The CPU offers %s", names);
}
