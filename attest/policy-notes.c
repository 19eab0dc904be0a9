/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/policy-notes.h"

#include <stdio.h>

#define NEW_IMAGE                                                                           \
	"the guest's kernel, initrd, command line or firmware, as the measurement covers them"
#define AT_WILL "nothing but the owner's or the host's launch settings"
#define FIRMWARE_UPDATE                                                                     \
	"nothing that is newer: it is a floor, which an update passes. It locks the VM out " \
	"when the host goes back to older firmware"

static const struct policy_note notes[] = {
	{ "report_data", PIN_NEVER, PIN_NEVER,
	  "the 64 bytes that the report was asked for: a nonce, or the hash of a key",
	  "each report", NULL },
	{ "measurement", PIN_IDENTITY, PIN_ALL,
	  "what the VM's memory held at the start: the firmware and, with kernel hashes, the "
	  "kernel, initrd and command line",
	  NEW_IMAGE "; on hosts that measure the CPUs' state, also with their number and type",
	  "snp.measurement" },
	{ "host_data", PIN_ALL, PIN_ALL,
	  "32 bytes that the host gave at the launch, such as the hash of init data; the host "
	  "chooses them, so that they are no identity",
	  AT_WILL, "snp.host_data" },
	{ "id_key_digest", PIN_IDENTITY, PIN_ALL,
	  "the key that signed the launch's ID block: whoever has it decides what may start",
	  "another ID key; not with a new kernel or firmware, as long as its ID block is signed",
	  "snp.id_key_digest" },
	{ "author_key_digest", PIN_IDENTITY, PIN_ALL,
	  "the key that signed the ID key: whoever has it decides what may start",
	  "another author key; not with a new kernel or firmware", "snp.author_key_digest",
	  .only_if = "snp.author_key_en" },
	{ "family_id", PIN_ALL, PIN_ALL, "the family that the ID block names",
	  "what the ID block's author writes", "snp.family_id" },
	{ "image_id", PIN_ALL, PIN_ALL, "the image that the ID block names",
	  "what the ID block's author writes", "snp.image_id" },
	{ "chip_id", PIN_ALL, PIN_ALL, "this one processor",
	  "a move to another host, and with a CPU that is replaced", "snp.chip_id" },
	{ "report_id", PIN_NEVER, PIN_NEVER, "this one start of the VM", "each start", NULL },
	{ "min_tcb", PIN_TCB, PIN_TCB,
	  "the oldest firmware and microcode of the processor that will do, for each component",
	  FIRMWARE_UPDATE ". Raise it after a TCB recovery", "snp.reported_tcb" },
	{ "min_launch_tcb", PIN_TCB, PIN_TCB,
	  "the oldest firmware and microcode that the VM may have been started on",
	  FIRMWARE_UPDATE ". Raise it after a TCB recovery", "snp.launch_tcb" },
	{ "min_guest_svn", PIN_IDENTITY, PIN_ALL,
	  "the lowest version of the image, as its ID block numbers it",
	  "nothing that is newer; raise it to exclude older images", "snp.guest_svn" },
	{ "max_vmpl", PIN_IDENTITY, PIN_ALL,
	  "the privilege level that the report was asked from; 0 is the highest",
	  "an SVSM or a paravisor that is put below the kernel", "snp.vmpl" },
	{ "min_abi", PIN_TCB, PIN_TCB,
	  "the oldest ABI of the SNP firmware that the guest policy lets it start on",
	  "a guest policy that allows older firmware", "snp.policy.abi" },
	{ "min_firmware", PIN_TCB, PIN_TCB,
	  "the oldest SNP firmware, by the version that the host cannot go back behind",
	  FIRMWARE_UPDATE, "snp.committed_version" },
	{ "plat_require", PIN_TCB, PIN_TCB,
	  "what the platform says of itself: with 20, that memory was checked for aliases",
	  "older firmware, or other settings of the host's BIOS",
	  "snp.platform.alias_check_complete", "20" },
	{ "plat_forbid", PIN_NEVER, PIN_NEVER,
	  "what the platform must not say of itself, such as 1 for SMT",
	  "settings of the host's BIOS", NULL },
	{ "policy_require", PIN_NEVER, PIN_NEVER, "bits that the guest policy must have",
	  AT_WILL, NULL },
	{ "policy_forbid", PIN_NEVER, PIN_NEVER, "bits that the guest policy must not have",
	  AT_WILL, NULL },
	{ "min_mit", PIN_TCB, PIN_TCB, "the mitigations that the firmware says are in force",
	  "older firmware, or a host that turns one off", "snp.current_mit_vector" },
	{ "mrtd", PIN_IDENTITY, PIN_ALL, "the firmware: what the TD's memory held at the start",
	  "an update of the guest's firmware", "tdx.mrtd" },
	{ "mrseam", PIN_ALL, PIN_ALL, "the TDX module, exactly",
	  "each update of the TDX module, which the host installs", "tdx.mrseam" },
	{ "rtmr0", PIN_IDENTITY, PIN_ALL,
	  "the firmware's configuration: Secure Boot's keys, ACPI tables, boot variables",
	  "the VM's devices, CPUs and memory, and with an update of the guest's firmware or of "
	  "QEMU",
	  "tdx.rtmr0" },
	{ "rtmr1", PIN_IDENTITY, PIN_ALL, "the boot loader and the kernel",
	  "an update of the kernel or of the boot loader", "tdx.rtmr1" },
	{ "rtmr2", PIN_IDENTITY, PIN_ALL,
	  "what the kernel was told: the command line, the initrd, and what a boot loader reads",
	  "a change of the command line, and with an initrd that is made anew", "tdx.rtmr2" },
	{ "rtmr3", PIN_ALL, PIN_ALL, "what the guest itself has measured since it runs",
	  "whatever extends it; with MeasureRelease=yes in broker.conf, each start", "tdx.rtmr3" },
	{ "mrconfigid", PIN_ALL, PIN_ALL,
	  "48 bytes that the host gave at the launch, such as the hash of init data; the host "
	  "chooses them, so that they are no identity",
	  AT_WILL, "tdx.mrconfigid" },
	{ "mrowner", PIN_ALL, PIN_ALL, "48 bytes that the host gave at the launch as the owner",
	  AT_WILL, "tdx.mrowner" },
	{ "mrownerconfig", PIN_ALL, PIN_ALL,
	  "48 bytes that the host gave at the launch as the owner's configuration", AT_WILL,
	  "tdx.mrownerconfig" },
	/* A draft names it only where evidence is refused without. */
	{ "mrservicetd", PIN_NEVER, PIN_NEVER,
	  "the service TD that may migrate this TD; it can give the copy any measurements, so "
	  "it must be trusted like this TD",
	  "an update of the service TD", NULL },
	{ "min_tee_tcb_svn", PIN_TCB, PIN_TCB,
	  "the oldest TDX module and microcode that will do, each byte", FIRMWARE_UPDATE,
	  "tdx.tee_tcb_svn" },
	{ "min_tcb_evaluation", PIN_TCB, PIN_TCB,
	  "how old the list of levels may be by which Intel judges the platform",
	  "nothing that is newer; raise it after a TCB recovery", "tdx.tcb_evaluation" },
	{ "min_qe_svn", PIN_TCB, PIN_TCB, "the oldest quoting enclave that will do",
	  FIRMWARE_UPDATE, "tdx.qe_isvsvn" },
	{ "min_pce_svn", PIN_TCB, PIN_TCB,
	  "the oldest provisioning certification enclave that will do", FIRMWARE_UPDATE,
	  "tdx.pcesvn" },
	{ "accept", PIN_TCB, PIN_TCB, "what Intel must call the platform's level",
	  "a TCB recovery: from then on the platform is OutOfDate until its owner updates it",
	  "tdx.tcb_status" },
	{ "nonce", PIN_NEVER, PIN_NEVER, "the number that the evidence was asked for",
	  "each question; cocod and brokers ask for their own", NULL },
	{ "user_data", PIN_NEVER, PIN_NEVER, "bytes that the guest had put into Azure's report",
	  "each report that is asked for with other bytes", NULL },
	{ "ak_n_sha256", PIN_IDENTITY, PIN_IDENTITY,
	  "the attestation key of this VM's vTPM: this one VM, whatever it boots",
	  "a VM that is deleted and made again", "azure.ak_n_sha256" },
	{ "require_pcrs", PIN_NEVER, PIN_NEVER, "PCRs that the quote must be of",
	  "what the guest asks its vTPM for", NULL },
	{ "secure_boot", PIN_IDENTITY, PIN_IDENTITY,
	  "whether Secure Boot is on, as the paravisor says", "the VM's settings",
	  "azure.secure-boot" },
	{ "console", PIN_IDENTITY, PIN_IDENTITY,
	  "whether the VM has a console that the host can use, as the paravisor says",
	  "the VM's settings", "azure.console-enabled" },
	{ "type", PIN_NEVER, PIN_NEVER, "which hardware's report is inside: 2 SNP, 4 TDX",
	  "another size of VM", NULL },
	{ "events", PIN_NEVER, PIN_NEVER, "how many events the log has", "each change of the boot",
	  NULL },
	{ "regs", PIN_NEVER, PIN_NEVER, "the RTMRs that the event log must lead to",
	  "nothing", NULL },
	{ "allow", PIN_NEVER, PIN_NEVER, "nothing: it excuses what is refused without it",
	  "nothing", NULL },
	{ "forbid", PIN_TCB, PIN_TCB,
	  "that the firmware is committed: the host cannot go back to an older one",
	  "a host that tries new firmware before it commits it", NULL, "provisional",
	  "firmware is committed" },
	{ "require", PIN_TCB, PIN_TCB, "that the host cannot take private pages away unseen",
	  "how the host starts the TD", "tdx.td_attributes", "sept", NULL, 28 },
	{ "covers", PIN_NEVER, PIN_NEVER,
	  "nothing by itself: it is its author's word for what the measurement was made over",
	  "how the VM is started", NULL },
	{ "pcr0", PIN_ALL, PIN_ALL, "PCR 0: the firmware's code", "an update of the firmware",
	  "tpm.pcr0" },
	{ "pcr1", PIN_ALL, PIN_ALL, "PCR 1: the firmware's configuration",
	  "the VM's devices, CPUs and memory", "tpm.pcr1" },
	{ "pcr2", PIN_ALL, PIN_ALL, "PCR 2: code of devices", "the VM's devices", "tpm.pcr2" },
	{ "pcr3", PIN_ALL, PIN_ALL, "PCR 3: configuration of devices", "the VM's devices",
	  "tpm.pcr3" },
	{ "pcr4", PIN_IDENTITY, PIN_IDENTITY,
	  "PCR 4: the hash of the boot loader, or of a unified kernel image",
	  "an update of the boot loader, or of the unified kernel image", "tpm.pcr4" },
	{ "pcr5", PIN_ALL, PIN_ALL, "PCR 5: the boot loader's configuration and the partitions",
	  "a disk that is partitioned anew", "tpm.pcr5" },
	{ "pcr7", PIN_IDENTITY, PIN_IDENTITY,
	  "PCR 7: Secure Boot's state, and the keys that may have signed what boots",
	  "an update of Secure Boot's keys or revocations", "tpm.pcr7" },
	{ "pcr8", PIN_IDENTITY, PIN_IDENTITY,
	  "PCR 8: GRUB's commands and the kernel's command line",
	  "a change of the command line or of GRUB's configuration", "tpm.pcr8" },
	{ "pcr9", PIN_IDENTITY, PIN_IDENTITY, "PCR 9: the files that the boot loader read: kernel "
					      "and initrd",
	  "an update of the kernel, and with an initrd that is made anew", "tpm.pcr9" },
	{ "pcr10", PIN_NEVER, PIN_NEVER, "PCR 10: the files that IMA measured since the start",
	  "each start", NULL },
	{ "pcr11", PIN_IDENTITY, PIN_IDENTITY,
	  "PCR 11: the parts of a unified kernel image, and systemd's phases of the boot",
	  "an update of the kernel, and in the course of the boot", "tpm.pcr11" },
	{ "pcr12", PIN_ALL, PIN_ALL, "PCR 12: what the kernel was told besides: its command line, "
				     "credentials",
	  "the command line and the credentials", "tpm.pcr12" },
	{ "pcr13", PIN_ALL, PIN_ALL, "PCR 13: system extensions of the initrd",
	  "other extensions", "tpm.pcr13" },
	{ "pcr14", PIN_ALL, PIN_ALL, "PCR 14: shim's certificates of the machine's owner (MOK)",
	  "certificates that are enrolled", "tpm.pcr14" },
	{ "pcr15", PIN_NEVER, PIN_NEVER, "PCR 15: the machine's ID and volume keys, as systemd "
					 "measures them",
	  "the volumes that are opened", NULL },
	/* The fallback. */
	{ "pcrN", PIN_NEVER, PIN_NEVER, "a PCR that firmware and boot loaders leave alone",
	  "whatever the guest measures", NULL },
};

static const struct policy_word_note words[] = {
	{ "allow", "debug", "the host may read and write the VM's memory: nothing in it is secret",
	  true },
	{ "allow", "migrate", "a migration agent may take the VM elsewhere", true },
	{ "allow", "masked",
	  "the report need not name its chip: it may be of any of the maker's machines", true },
	{ "allow", "servicetd", "any service TD may be bound to the TD", true },
	{ "allow", "partial-identity",
	  "the gate opens although others may start another kernel, initrd or command line in a "
	  "VM that looks like this one",
	  true },
	{ "forbid", "vlek", "a report that a cloud provider's key (VLEK) signed is refused",
	  false },
	{ "forbid", "provisional", "firmware that the host can still go back behind is refused",
	  false },
	{ "require", "sept", "the host cannot take private pages away unseen", false },
	{ "require", "crl", "without AMD's revocation list nothing is accepted", false },
	{ "covers", "firmware", "by its author's word the measurement covers the firmware", false },
	{ "covers", "kernel", "by its author's word the measurement covers the kernel", false },
	{ "covers", "initrd", "by its author's word the measurement covers the initrd", false },
	{ "covers", "cmdline", "by its author's word the measurement covers the command line",
	  false },
};

const struct policy_note *policy_note(const char *name, int pcr)
{
	char own[sizeof("pcr-2147483648")];

	if (pcr >= 0) {
		(void) snprintf(own, sizeof(own), "pcr%d", pcr);
		name = own;
	}
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		if (streq(notes[i].option, name))
			return &notes[i];
	return pcr >= 0 ? &notes[ARRAY_SIZE(notes) - 1] : NULL;
}

const struct policy_word_note *policy_word_note(const char *name, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(words[i].option, name) && streq(words[i].word, word))
			return &words[i];
	return NULL;
}
