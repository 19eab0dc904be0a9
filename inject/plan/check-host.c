/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a host must have for a guest's technology, apart from room. */
#include "inject/plan/check-host.h"

struct check {
	enum tech tech;
	struct plan_notes *refusals, *warnings;
};

#define refuse(c, ...) plan_note((c)->refusals, __VA_ARGS__)
#define warn(c, ...) plan_note((c)->warnings, __VA_ARGS__)

static void check_module(const struct check *c, enum answer a, const char *module, const char *name,
			 const char *tech, const char *advice)
{
	switch (a) {
	case ANSWER_YES:
		return;
	case ANSWER_NO:
		refuse(c, "%s is off in KVM: %s.%s is N; %s", tech, module, name, advice);
		return;
	case ANSWER_ABSENT:
		refuse(c, "The module %s is not loaded, or knows no %s: say modprobe %s, or take a "
			  "newer kernel",
		       module, tech, module);
		return;
	case ANSWER_UNKNOWN:
		warn(c, "It is not known whether KVM has %s: %s.%s cannot be read", tech, module,
		     name);
	}
}

static void check_supply(const struct check *c, const struct host_supply *s, const char *what,
			 const char *advice)
{
	if (!s->known) {
		warn(c, "It is not known how many %s there are: misc.capacity cannot be read",
		     what);
		return;
	}
	if (s->capacity == 0)
		refuse(c, "The host has no %s: %s", what, advice);
	else if (s->used_known && s->used >= s->capacity)
		refuse(c, "All %llu %s are in use: another guest has to end first",
		       (unsigned long long)s->capacity, what);
	else if (!s->used_known)
		warn(c, "It is not known how many of the %llu %s are in use: misc.current cannot "
			"be read",
		     (unsigned long long)s->capacity, what);
}

/*
 * Kernels before 6.10 start SEV guests and do not list them, so that for these the parameters
 * count.
 */
static void check_vm_type(const struct check *c, const struct host *h)
{
	static const unsigned bits[_TECH_MAX] = {
		[TECH_SEV] = 2, [TECH_SEV_ES] = 3, [TECH_SNP] = 4, [TECH_TDX] = 5,
	};
	enum tech tech = c->tech;

	if (!h->kvm_known) {
		warn(c, "It is not known which guests KVM starts: it could not be asked");
		return;
	}
	if (h->vm_types >> bits[tech] & 1)
		return;
	if (tech == TECH_SNP || tech == TECH_TDX)
		refuse(c, "KVM does not start such guests: bit %u of KVM_CAP_VM_TYPES is not set",
		       bits[tech]);
	else
		warn(c, "KVM lists no guests of this type: it is a kernel before 6.10, or it "
			"cannot start them");
}

static void check_amd(const struct check *c, const struct host *h)
{
	static const char bios[] = "if it is N after modprobe kvm_amd with 1, the BIOS has it off";
	enum tech tech = c->tech;

	check_module(c, h->sev, "kvm_amd", "sev", "SEV", bios);
	if (tech != TECH_SEV)
		check_module(c, h->sev_es, "kvm_amd", "sev_es", "SEV-ES", bios);
	if (tech == TECH_SNP)
		check_module(c, h->sev_snp, "kvm_amd", "sev_snp", "SEV-SNP", bios);
	if (h->dev_sev == ANSWER_NO)
		refuse(c, "There is no /dev/sev: the security processor's driver (ccp) is not "
			  "loaded, or found none");
	if (tech == TECH_SEV)
		check_supply(c, &h->sev_asids, "ASIDs for SEV",
			     "the BIOS gives all of them to SEV-ES, or SEV is off");
	else
		check_supply(c, &h->sev_es_asids, "ASIDs for SEV-ES and SEV-SNP",
			     "give it some in the BIOS (SEV-ES ASID space limit)");
}

static void check_intel(const struct check *c, const struct host *h)
{
	check_module(c, h->tdx, "kvm_intel", "tdx", "TDX",
		     "load it with kvm_intel.tdx=1, which initialises the TDX module");
	check_supply(c, &h->tdx_keys, "KeyIDs for TDX",
		     "give it some in the BIOS (TME-MT/TDX key split)");
}

/* Whether the processor is of the vendor whose technology it is, or unknown. */
static bool check_vendor(const struct check *c, const struct host *h)
{
	bool amd = c->tech <= TECH_SNP;

	if (!h->cpuid_known || (amd ? h->is_amd : h->is_intel))
		return true;
	refuse(c, "The host's processor is not %s's: it has no such guests", amd ? "AMD" : "Intel");
	return false;
}

bool check_host(const struct host *h, enum tech tech, struct plan_notes *refusals,
		struct plan_notes *warnings)
{
	const struct check check = { tech, refusals, warnings }, *c = &check;

	/* The rest of what another vendor's machine lacks says nothing more. */
	if (!check_vendor(c, h))
		return false;
	if (h->dev_kvm == ANSWER_NO)
		refuse(c, "There is no /dev/kvm: the module kvm_%s is not loaded, or the BIOS has "
			  "virtualization off",
		       c->tech == TECH_TDX ? "intel" : "amd");
	if (c->tech <= TECH_SNP)
		check_amd(c, h);
	else
		check_intel(c, h);
	check_vm_type(c, h);
	return true;
}
