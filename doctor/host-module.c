/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether KVM makes VMs of a technology: its parameters, and what it says of itself. */
#include <stdio.h>

#include "doctor/host.h"

/* Source: Linux, KVM_CAP_VM_TYPES and the KVM_X86_*_VM of its interface. */
#define KVM_CAP_VM_TYPES 235

struct module {
	const char *name;	/* "kvm_amd" */
	const char *parameter;	/* "sev" */
	enum requirement tech;
	unsigned vm_type;	/* its bit of KVM_CAP_VM_TYPES */
	const char *options;	/* the line for /etc/modprobe.d */
};

/* No parameter is there: is that the module's, or the kernel's? */
static void no_parameter(struct exam *x, struct result *r, const struct module *m)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", m->name);
	if (provider_look(x->p, path) == GOT_IT) {
		result_saw(r, path, "no parameter %s", m->parameter);
		result_set(r, OUTCOME_FAIL, "This kernel's KVM has no %s",
			   tech_names[m->tech]);
		result_fix(r, FIX_KERNEL_CONFIG, "%s",
			   m->tech == REQUIRE_TDX ?
				   "A kernel with CONFIG_KVM_INTEL_TDX" :
				   "A kernel with CONFIG_KVM_AMD_SEV that knows it");
		return;
	}
	result_saw(r, path, "%s", got_words(GOT_ABSENT));
	result_set(r, OUTCOME_FAIL, "The module %s is not loaded", m->name);
	result_fix(r, FIX_MODPROBE, "modprobe %s", m->name);
}

static void is_off(struct result *r, const struct module *m)
{
	result_set(r, OUTCOME_FAIL,
		   "The module %s has %s off: by its options, or because the CPU or the firmware "
		   "did not let it",
		   m->name, tech_names[m->tech]);
	result_fix(r, FIX_MODPROBE,
		   "options %s %s (in /etc/modprobe.d, then load the module anew)", m->name,
		   m->options);
	result_fix(r, FIX_NONE, "If it stays off: dmesg | grep -e %s -e ccp -e tdx", m->name);
}

/* Those of SEV, SEV-ES and SEV-SNP: a KVM that lists none of them makes SEV's by an older call. */
#define VM_TYPES_SEV (1ll << VM_TYPE_SEV | 1ll << VM_TYPE_SEV_ES | 1ll << VM_TYPE_SNP)

static bool is_old_call(const struct module *m, int64_t types)
{
	return FOR(m->tech) & FOR_SEV_ONLY && !(types & VM_TYPES_SEV);
}

/* The parameter is on.  A KVM that knows of types of VMs must have this one, too. */
static void ask_kvm(struct exam *x, struct result *r, const struct module *m)
{
	int64_t types = 0;

	if (provider_kvm_cap(x->p, KVM_CAP_VM_TYPES, false, &types) != GOT_IT || types <= 0) {
		result_set(r, OUTCOME_PASS, "KVM has %s on", tech_names[m->tech]);
		return;
	}
	result_saw(r, "KVM_CAP_VM_TYPES", "0x%llx", (unsigned long long)types);
	if (types & (1LL << m->vm_type) || is_old_call(m, types)) {
		result_set(r, OUTCOME_PASS, "KVM makes VMs of %s", tech_names[m->tech]);
		return;
	}
	result_set(r, OUTCOME_FAIL, "The module %s has %s on, but KVM makes no such VMs", m->name,
		   tech_names[m->tech]);
	result_fix(r, FIX_NONE, "dmesg | grep -e %s -e ccp -e tdx", m->name);
}

static void judge(struct exam *x, struct result *r, const struct module *m)
{
	char path[128];
	uint64_t on = 0;
	enum got got;

	if (!host_has(x, r, FOR(m->tech), tech_names[m->tech]))
		return;
	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", m->name, m->parameter);
	got = provider_number(x->p, path, &on);
	if (got == GOT_ABSENT) {
		no_parameter(x, r, m);
		return;
	}
	if (got != GOT_IT) {
		result_unknown(r, path, got);
		return;
	}
	result_saw(r, path, "%s", on ? "Y" : "N");
	if (on)
		ask_kvm(x, r, m);
	else
		is_off(r, m);
}

void host_kvm_sev(struct exam *x, struct result *r)
{
	judge(x, r, &(struct module){ "kvm_amd", "sev", REQUIRE_SEV, VM_TYPE_SEV, "sev=1" });
}

void host_kvm_sev_es(struct exam *x, struct result *r)
{
	judge(x, r, &(struct module){ "kvm_amd", "sev_es", REQUIRE_SEV_ES, VM_TYPE_SEV_ES,
				      "sev=1 sev_es=1" });
}

void host_kvm_snp(struct exam *x, struct result *r)
{
	judge(x, r, &(struct module){ "kvm_amd", "sev_snp", REQUIRE_SNP, VM_TYPE_SNP,
				      "sev=1 sev_es=1 sev_snp=1" });
}

void host_kvm_tdx(struct exam *x, struct result *r)
{
	judge(x, r, &(struct module){ "kvm_intel", "tdx", REQUIRE_TDX, VM_TYPE_TDX, "tdx=1" });
}

bool host_kvm_makes(struct exam *x, struct result *r, unsigned vm_type)
{
	int64_t types = 0;

	if (provider_kvm_cap(x->p, KVM_CAP_VM_TYPES, false, &types) != GOT_IT ||
	    !(types & (1LL << vm_type)))
		return false;
	result_saw(r, "KVM_CAP_VM_TYPES", "0x%llx", (unsigned long long)types);
	return true;
}
