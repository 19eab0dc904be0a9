/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guest's side: what this VM is, and whether it can get its secrets. */
#include "doctor/guest.h"

static void look(struct exam *x)
{
	x->offers = guest_offers(x);
	platform_describe(&x->platform, &x->machine, x->what, sizeof(x->what));
}

static const struct check checks[] = {
	{ "guest-identity", "Platform", "The hypervisor is known", FOR_INFORMATION, false,
	  guest_identity },
	{ "guest-tee", "Platform", "The VM is a confidential one", FOR_CONFIDENTIAL, true,
	  guest_tee },
	{ "guest-tdx-leaf", "Platform", "CPUID says TDX", FOR_INFORMATION, false, guest_tdx_leaf },
	{ "guest-secret-area", "Launch secrets", "The firmware has an area for launch secrets",
	  FOR_SEV_ONLY, false, guest_secret_area },
	{ "guest-secret-driver", "Launch secrets", "A driver shows the launch secrets",
	  FOR_SEV_ONLY, true, guest_secret_driver },
	{ "guest-secret-files", "Launch secrets", "There are launch secrets, or cocod used them",
	  FOR_SEV_ONLY, false, guest_secret_files },
	{ "guest-report", "Evidence", "The hardware's report can be asked for",
	  FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX), true, guest_report },
	{ "guest-vtpm", "Evidence", "The paravisor's vTPM is there",
	  FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX), false, guest_vtpm },
	{ "guest-event-log", "Evidence", "There is an event log for the RTMRs", FOR(REQUIRE_TDX),
	  false, guest_event_log },
	{ "guest-svkl", "Evidence", "The firmware's storage volume keys are shown",
	  FOR(REQUIRE_TDX), false, guest_svkl },
	{ "guest-units", "cocod", "cocod's sockets are enabled", FOR_CONFIDENTIAL, false,
	  guest_units },
	{ "guest-sockets", "cocod", "Somebody listens at each socket", FOR_CONFIDENTIAL, false,
	  guest_sockets },
	{ "guest-gate", "cocod", "Secrets are released on a condition", FOR_CONFIDENTIAL, false,
	  guest_gate },
	{ "guest-secrets", "cocod", "cocod takes secrets.d, which says for whom they are",
	  FOR_CONFIDENTIAL, false, guest_secrets },
	{ "guest-broker", "cocod", "cocod takes broker.conf, and the broker signs",
	  FOR_CONFIDENTIAL, false, guest_broker },
	{ "guest-policy", "cocod", "The policy names an identity",
	  FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX), false, guest_policy },
	{ "guest-collateral", "cocod", "The collateral has not expired",
	  FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX), false, guest_collateral },
	{ "guest-files", "cocod", "Root alone may change what decides over secrets",
	  FOR_CONFIDENTIAL, false, guest_files },
	{ "guest-crypttab", "Volumes", "The lines of crypttab work with cocod", FOR_ALL, false,
	  guest_crypttab },
	{ "guest-initramfs", "Volumes", "cocod runs in the initramfs if a volume needs it there",
	  FOR_ALL, false, guest_initramfs },
	{ "guest-swap", "Memory", "Swap is encrypted", FOR_CONFIDENTIAL, false, guest_swap },
	{ "guest-hibernation", "Memory", "Memory is not written to a disk", FOR_CONFIDENTIAL,
	  false, guest_hibernation },
	{ "guest-init-on-free", "Memory", "Memory that is freed is zeroed", FOR_INFORMATION, false,
	  guest_init_on_free },
	{ "guest-init-on-alloc", "Memory", "Memory is zeroed before it is used", FOR_INFORMATION,
	  false, guest_init_on_alloc },
	{ "guest-efi-runtime", "Firmware", "EFI runtime services are on", FOR_CONFIDENTIAL, false,
	  guest_efi_runtime },
	{ "guest-efi-dxe", "Firmware", "Firmware that protects images can start the kernel",
	  FOR_INFORMATION, false, guest_efi_dxe },
	{ "guest-mirrored-memory", "Firmware", "The memory is mirrored", FOR_INFORMATION, false,
	  guest_mirrored_memory },
	{ "guest-vmbus", "Hyper-V", "The version of VMBus is a supported one", FOR_ALL, false,
	  guest_vmbus },
	{ "guest-hyperv-pci", "Hyper-V", "PCI devices cost no time at boot", FOR_ALL, false,
	  guest_hyperv_pci },
	{ "guest-hyperv-pci-version", "Hyper-V", "PCI devices speak a supported protocol", FOR_ALL,
	  false, guest_hyperv_pci_version },
	{ "guest-xen-pvcalls", "Xen", "The guest's sockets are its own", FOR_ALL, false,
	  guest_xen_pvcalls },
	{ "guest-arm", "Arm", "The Arm machine is known", FOR_INFORMATION, false, guest_arm },
};

const struct side side_guest = {
	.name = "guest",
	.look = look,
	.checks = checks,
	.n_checks = ARRAY_SIZE(checks),
	.trust = "what a guest reads of its host is the host's word: this is advice, and no "
		 "attestation; only verified evidence proves what protects a VM",
};
