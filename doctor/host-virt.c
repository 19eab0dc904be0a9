/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What KVM has of the CPU's help for virtual interrupts, and how many virtual CPUs it allows. */
#include <stdio.h>

#include "doctor/host.h"
#include "doctor/qmp-text.h"

/* Source: Linux, KVM_CAP_MAX_VCPUS of its interface. */
#define KVM_CAP_MAX_VCPUS 66
#define KVM_CAP_MAX_VCPU_ID 128

void host_kvm_module(struct exam *x, struct result *r)
{
	char value[PROVIDER_LINE_MAX];

	if (provider_kvm_probe(x->p, "open", value) == GOT_ABSENT) {
		result_set(r, OUTCOME_NA, "There is no KVM");
		return;
	}
	if (host_kvm_module_name(x)) {
		result_set(r, OUTCOME_PASS, "KVM uses the CPU's virtualization");
		return;
	}
	result_saw(r, "/sys/module", "neither kvm_amd nor kvm_intel");
	result_set(r, OUTCOME_WARN,
		   "KVM is there without kvm_amd or kvm_intel: by another module, or built into "
		   "the kernel; ordinary guests may not start");
	result_fix(r, FIX_NONE, "Try a guest before you rely on it");
}

/* The least of what limits the number of virtual CPUs, and what that is. */
struct limit {
	uint64_t n;
	const char *of;
};

static void limit(struct limit *l, struct result *r, const char *source, const char *of,
		  uint64_t n)
{
	result_saw(r, source, "%llu", (unsigned long long)n);
	if (n < l->n)
		*l = (struct limit){ n, of };
}

/* Those of QEMU's machine, and of the interrupt controllers' numbers of CPUs. */
static void ask_other_limits(struct exam *x, struct limit *l, struct result *r)
{
	const char *said;
	uint64_t machine;
	int64_t id;

	if (provider_kvm_cap(x->p, KVM_CAP_MAX_VCPU_ID, true, &id) == GOT_IT && id > 0)
		limit(l, r, "KVM_CAP_MAX_VCPU_ID", "KVM's numbers for them", (uint64_t)id);
	if (provider_said(x->p, "qmp", &said) == GOT_IT && qmp_cpu_max(said, &machine) == 0)
		limit(l, r, "query-machines q35 cpu-max", "QEMU's machine q35", machine);
}

/* How many virtual CPUs x2AVIC is for, by the kernel's log; 0 when that does not say. */
static unsigned ask_avic(struct exam *x, struct result *r)
{
	static const char needle[] = "x2AVIC enabled (max ";
	char line[TREE_LINE_MAX];
	unsigned avic = 0;

	if (provider_kmsg(x->p, needle, NULL, line) == GOT_IT &&
	    sscanf(strstr(line, needle) + strlen(needle), "%7u", &avic) == 1 && avic > 0)
		result_saw(r, "kmsg", "%.200s", strstr(line, needle));
	return avic;
}

void host_vcpus(struct exam *x, struct result *r)
{
	struct limit l = { UINT64_MAX, "KVM" };
	unsigned avic;
	int64_t most = 0;
	enum got got = provider_kvm_cap(x->p, KVM_CAP_MAX_VCPUS, true, &most);

	if (got != GOT_IT || most <= 0) {
		result_unknown(r, "KVM_CAP_MAX_VCPUS", got == GOT_IT ? GOT_MALFORMED : got);
		return;
	}
	limit(&l, r, "KVM_CAP_MAX_VCPUS", "KVM", (uint64_t)most);
	ask_other_limits(x, &l, r);
	avic = ask_avic(x, r);
	if (avic && avic < l.n)
		result_set(r, OUTCOME_PASS,
			   "A VM can have %llu virtual CPUs, by the limit of %s; with more than "
			   "%u, an ordinary one does without AVIC",
			   (unsigned long long)l.n, l.of, avic);
	else
		result_set(r, OUTCOME_PASS, "A VM can have %llu virtual CPUs, by the limit of %s",
			   (unsigned long long)l.n, l.of);
}

/* A module's parameter; false with the reason in @r if it is not known. */
static bool ask_parameter(struct exam *x, struct result *r, const char *path, uint64_t *ret)
{
	enum got got = provider_number(x->p, path, ret);

	if (got == GOT_IT)
		result_saw(r, path, "%s", *ret ? "Y" : "N");
	else
		result_unknown(r, path, got);
	return got == GOT_IT;
}

/* Source: AMD64 Architecture Programmer's Manual, volume 3, Fn8000_000A. */
#define CPUID_SVM 0x8000000a
#define SVM_AVIC (1u << 13)

void host_avic(struct exam *x, struct result *r)
{
	static const char path[] = "/sys/module/kvm_amd/parameters/avic";
	struct cpuid_regs svm;
	uint64_t on = 0;

	if (!machine_is_amd(&x->machine) || provider_cpuid(x->p, CPUID_SVM, 0, &svm) != GOT_IT ||
	    !(svm.edx & SVM_AVIC)) {
		result_set(r, OUTCOME_NA, "The CPU has no AVIC");
		return;
	}
	result_saw(r, "cpuid 0x8000000a edx", "0x%x", (unsigned)svm.edx);
	if (!ask_parameter(x, r, path, &on))
		return;
	if (on) {
		result_set(r, OUTCOME_PASS,
			   "AVIC is on for ordinary VMs; those of SEV do without it by design");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "AVIC is off: interrupts of ordinary VMs cost more; those of SEV do without it "
		   "by design");
	result_fix(r, FIX_MODPROBE, "options kvm_amd avic=1 (in /etc/modprobe.d)");
}

void host_ipiv(struct exam *x, struct result *r)
{
	static const char path[] = "/sys/module/kvm_intel/parameters/enable_ipiv";
	static const char apicv[] = "/sys/module/kvm_intel/parameters/enable_apicv";
	char flags[TREE_LINE_MAX];
	uint64_t on = 0, builds_on = 1;

	if (!machine_is_intel(&x->machine) || !host_flag(x->p, "vmx flags", "ipi_virt", flags)) {
		result_set(r, OUTCOME_NA, "The CPU has no IPI virtualization");
		return;
	}
	result_saw(r, "/proc/cpuinfo", "ipi_virt");
	if (!ask_parameter(x, r, path, &on))
		return;
	if (on) {
		result_set(r, OUTCOME_PASS, "Virtual CPUs interrupt each other without KVM's help");
		return;
	}
	if (provider_number(x->p, apicv, &builds_on) == GOT_IT && !builds_on)
		result_saw(r, apicv, "N");
	result_set(r, OUTCOME_WARN,
		   "Virtual CPUs interrupt each other with KVM's help, which costs time%s",
		   builds_on ? "" : ": APICv is off, which IPI virtualization builds on");
	result_fix(r, FIX_MODPROBE,
		   "options kvm_intel enable_ipiv=1 enable_apicv=1 (in /etc/modprobe.d)");
}

/* Source: Intel's SDM, volume 4, IA32_VMX_PROCBASED_CTLS: what may be 1 is in the upper half. */
#define MSR_PROCBASED 0x482
#define ALLOWED_TERTIARY (1ull << 49)

void host_tertiary(struct exam *x, struct result *r)
{
	uint64_t allowed;
	enum got got;

	if (!machine_is_intel(&x->machine)) {
		result_set(r, OUTCOME_NA, "Only Intel's CPUs have controls of VMs in three parts");
		return;
	}
	got = host_msr(x, r, MSR_PROCBASED, &allowed);
	if (got != GOT_IT)
		host_no_msr(r, MSR_PROCBASED, got);
	else if (allowed & ALLOWED_TERTIARY)
		result_set(r, OUTCOME_PASS,
			   "The CPU has tertiary controls of VMs, among them IPI virtualization");
	else
		result_set(r, OUTCOME_NA, "The CPU has no tertiary controls of VMs");
}

/* ---- the node that a guest's private memory is on ---- */

#define KVM_CAP_GUEST_MEMFD 234

static unsigned n_nodes(struct exam *x, enum got *got)
{
	_cleanup_(tree_names_done) struct tree_names names = { 0 };
	unsigned n = 0;

	*got = provider_list(x->p, "/sys/devices/system/node", &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *number = startswith(names.names[i], "node");

		n += number && *number >= '0' && *number <= '9';
	}
	return n;
}

static void judge_policy(struct result *r, const char *said)
{
	result_saw(r, "kvm probe memfd-policy", "%s", said);
	if (streq(said, "kept")) {
		result_set(r, OUTCOME_PASS,
			   "A guest's private memory stays on the node that it is bound to");
		return;
	}
	result_set(r, OUTCOME_WARN,
		   "A guest's private memory follows the node of the thread that touches it first, "
		   "and no policy of the VMM's");
	result_fix(r, FIX_LAUNCH_ARG,
		   "numactl --cpunodebind=N --membind=N in front of QEMU, as 'coco-inject plan' "
		   "writes it");
}

void host_memfd_policy(struct exam *x, struct result *r)
{
	char said[PROVIDER_LINE_MAX];
	int64_t cap = 0;
	enum got got;

	if (n_nodes(x, &got) < 2) {
		if (got == GOT_DENIED || got == GOT_UNREADABLE)
			result_unknown(r, "/sys/devices/system/node", got);
		else
			result_set(r, OUTCOME_NA, "The machine has one NUMA node");
		return;
	}
	got = provider_kvm_cap(x->p, KVM_CAP_GUEST_MEMFD, true, &cap);
	if (got == GOT_IT && cap <= 0) {
		result_set(r, OUTCOME_NA,
			   "KVM has no memory that only the guest has (guest_memfd)");
		return;
	}
	if (got == GOT_IT)
		got = provider_kvm_probe(x->p, "memfd-policy", said);
	if (got == GOT_IT)
		judge_policy(r, said);
	else
		result_unknown(r, "KVM's guest_memfd", got);
}
