/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's side: what the machine is that guests are to run on. */
#include <stdio.h>

#include "base/text.h"
#include "doctor/host.h"

static unsigned offered(const struct machine *m, struct provider *p)
{
	unsigned offers = 0;
	char flags[TREE_LINE_MAX];

	if (machine_is_amd(m)) {
		offers |= m->sev & CPUID_SEV ? FOR(REQUIRE_SEV) : 0;
		offers |= m->sev & CPUID_SEV_ES ? FOR(REQUIRE_SEV_ES) : 0;
		offers |= m->sev & CPUID_SEV_SNP ? FOR(REQUIRE_SNP) : 0;
	}
	if (machine_is_intel(m) && host_offers_tdx(p, flags))
		offers |= FOR(REQUIRE_TDX);
	return offers;
}

static void look(struct exam *x)
{
	const struct machine *m = &x->machine;
	char platform[160];

	x->offers = offered(m, x->p);
	platform_describe(&x->platform, m, platform, sizeof(platform));
	snprintf(x->what, sizeof(x->what), "%s%s%s", m->model[0] ? m->model : m->vendor,
		 m->vendor[0] ? ", " : "", platform);
}

bool host_has(struct exam *x, struct result *r, unsigned techs, const char *name)
{
	if (x->offers & techs)
		return true;
	result_set(r, OUTCOME_NA, "The CPU has no %s", name);
	return false;
}

enum got host_msr(struct exam *x, struct result *r, uint32_t index, uint64_t *ret)
{
	enum got got = provider_msr(x->p, index, ret);
	char source[32];

	snprintf(source, sizeof(source), "msr 0x%x", (unsigned)index);
	if (got == GOT_IT)
		result_saw(r, source, "0x%llx", (unsigned long long)*ret);
	return got;
}

void host_no_msr(struct result *r, uint32_t index, enum got got)
{
	char source[32];

	snprintf(source, sizeof(source), "msr 0x%x", (unsigned)index);
	result_unknown(r, source, got);
}

bool host_flag(struct provider *p, const char *name, const char *flag,
	       char line[static TREE_LINE_MAX])
{
	return provider_find_line(p, "/proc/cpuinfo", name, line) == GOT_IT &&
	       text_has_word(line, " \t:", flag);
}

static const struct check checks[] = {
	{ "host-cpu", "CPU", "The CPU offers confidential VMs", FOR_CONFIDENTIAL, true,
	  host_cpu },
	{ "host-sev-bios", "SEV", "The firmware has switched memory encryption on", FOR_AMD, true,
	  host_sev_bios },
	{ "host-sev-device", "SEV", "The secure processor has a driver", FOR_AMD, true,
	  host_sev_device },
	{ "host-sev-split", "SEV", "The firmware keeps ASIDs for SEV-ES and SEV-SNP",
	  FOR(REQUIRE_SEV_ES) | FOR(REQUIRE_SNP), false, host_sev_split },
	{ "host-sev-log", "SEV", "The kernel's log has no error of SEV's", FOR_AMD, false,
	  host_sev_log },
	{ "host-snp-rmp", "SEV-SNP", "The firmware set the reverse map table's memory aside",
	  FOR(REQUIRE_SNP), true, host_snp_rmp },
	{ "host-snp-iommu", "SEV-SNP", "The IOMMU supports SEV-SNP, and translates",
	  FOR(REQUIRE_SNP), true, host_snp_iommu },
	{ "host-snp-api", "SEV-SNP", "The secure processor's firmware is new enough",
	  FOR(REQUIRE_SNP), false, host_snp_api },
	{ "host-tdx-bios", "TDX", "The firmware has switched TDX on", FOR(REQUIRE_TDX), true,
	  host_tdx_bios },
	{ "host-tdx-production", "TDX", "The CPU is a production part", FOR(REQUIRE_TDX), false,
	  host_tdx_production },
	{ "host-kvm", "KVM", "KVM is there and may be used", FOR_ALL, true, host_kvm },
	{ "host-kvm-sev", "KVM", "KVM makes VMs of SEV", FOR_AMD, true, host_kvm_sev },
	{ "host-kvm-sev-es", "KVM", "KVM makes VMs of SEV-ES",
	  FOR(REQUIRE_SEV_ES) | FOR(REQUIRE_SNP), true, host_kvm_sev_es },
	{ "host-kvm-snp", "KVM", "KVM makes VMs of SEV-SNP", FOR(REQUIRE_SNP), true,
	  host_kvm_snp },
	{ "host-snp-platform", "KVM", "The secure processor has SEV-SNP initialized",
	  FOR(REQUIRE_SNP), false, host_snp_platform },
	{ "host-tdx-needs", "KVM", "What KVM needs for TDX is on", FOR(REQUIRE_TDX), false,
	  host_tdx_needs },
	{ "host-kvm-tdx", "KVM", "KVM makes VMs of TDX", FOR(REQUIRE_TDX), true, host_kvm_tdx },
	{ "host-tdx-module", "KVM", "The TDX module runs", FOR(REQUIRE_TDX), false,
	  host_tdx_module },
	{ "host-tdx-locks", "KVM", "KVM has the locks of Linux 6.19 for TDX", FOR(REQUIRE_TDX),
	  false, host_tdx_locks },
	{ "host-kvm-module", "KVM", "KVM uses the CPU's virtualization", FOR_ALL, false,
	  host_kvm_module },
	{ "host-vcpus", "KVM", "The number of virtual CPUs is known", FOR_INFORMATION, false,
	  host_vcpus },
	{ "host-avic", "KVM", "AVIC is on for ordinary VMs", FOR(REQUIRE_NOTHING), false,
	  host_avic },
	{ "host-ipiv", "KVM", "IPI virtualization is on", FOR(REQUIRE_NOTHING) | FOR(REQUIRE_TDX),
	  false, host_ipiv },
	{ "host-tertiary", "KVM", "The CPU has tertiary controls of VMs", FOR_INFORMATION, false,
	  host_tertiary },
	{ "host-memfd-policy", "KVM", "Private memory stays on the node that it is bound to",
	  FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX), false, host_memfd_policy },
	{ "host-sev-asids", "Room", "There is an ASID for one more VM of SEV", FOR(REQUIRE_SEV),
	  false, host_sev_asids },
	{ "host-sev-es-asids", "Room", "There is an ASID for one more VM of SEV-ES or SEV-SNP",
	  FOR(REQUIRE_SEV_ES) | FOR(REQUIRE_SNP), false, host_sev_es_asids },
	{ "host-tdx-keys", "Room", "There is a private key for one more VM of TDX",
	  FOR(REQUIRE_TDX), false, host_tdx_keys },
	{ "host-qemu", "Launch", "QEMU can start such VMs", FOR_CONFIDENTIAL, false, host_qemu },
	{ "host-qemu-secret", "Launch", "QEMU passes on launch secrets", FOR_SEV_ONLY, false,
	  host_qemu_secret },
	{ "host-amdsev-firmware", "Launch", "There is firmware for guests with launch secrets",
	  FOR_INFORMATION, false, host_amdsev_firmware },
	{ "host-kernel-file", "Launch", "The kernel file can be started by strict firmware",
	  FOR_ALL, false, host_kernel_file },
	{ "host-xen", "Xen", "Xen is not between this kernel and the machine", FOR_CONFIDENTIAL,
	  false, host_xen },
	{ "host-xen-scheduler", "Xen", "Xen has the scheduler that was asked for", FOR_INFORMATION,
	  false, host_xen_scheduler },
	{ "host-xen-introspection", "Xen", "No domain can look into a guest's memory",
	  FOR_INFORMATION, false, host_xen_introspection },
	{ "host-xen-pvh", "Xen", "Guests can be of type PVH", FOR_INFORMATION, false,
	  host_xen_pvh },
	{ "host-xen-pvcalls", "Xen", "Guests' sockets are their own", FOR_INFORMATION, false,
	  host_xen_pvcalls },
	{ "host-xen-config", "Xen", "Guests' configurations are of this time", FOR_INFORMATION,
	  false, host_xen_config },
	{ "host-xen-dm", "Xen", "Guests' devices are emulated with few rights", FOR_INFORMATION,
	  false, host_xen_dm },
	{ "host-xen-parameters", "Xen", "Xen's parameters can be changed", FOR_INFORMATION, false,
	  host_xen_parameters },
	{ "host-umip", "Besides", "UMIP", FOR_INFORMATION, false, host_umip },
	{ "host-lmce", "Besides", "A memory error stops one CPU alone", FOR_INFORMATION, false,
	  host_lmce },
	{ "host-l2-cat", "Besides", "Level 2 caches can be divided", FOR_INFORMATION, false,
	  host_l2_cat },
	{ "host-mirrored-memory", "Besides", "The kernel is in mirrored memory", FOR_INFORMATION,
	  false, host_mirrored_memory },
	{ "host-arm", "Besides", "The Arm machine is known", FOR_INFORMATION, false, host_arm },
};

const struct side side_host = {
	.name = "host",
	.look = look,
	.checks = checks,
	.n_checks = ARRAY_SIZE(checks),
};
