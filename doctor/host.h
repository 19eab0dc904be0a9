/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_HOST_H
#define COCO_DOCTOR_HOST_H

#include "doctor/check.h"

/* The host's checks, for the array in doctor/host.c; each file has those of one subject. */

/*
 * Bits of KVM_CAP_VM_TYPES.  Source: Linux, the KVM_X86_*_VM of its interface, which older headers
 * lack.
 */
#define VM_TYPE_SEV 2
#define VM_TYPE_SEV_ES 3
#define VM_TYPE_SNP 4
#define VM_TYPE_TDX 5

/*
 * True if the CPU offers one of @techs, a set of FOR().  Otherwise @r is OUTCOME_NA, as it has no
 * @name.
 */
bool host_has(struct exam *x, struct result *r, unsigned techs, const char *name);

/*
 * Ask an MSR, and show it in @r.  Without one, host_no_msr() makes @r OUTCOME_UNKNOWN, with the
 * reason in @got.
 */
enum got host_msr(struct exam *x, struct result *r, uint32_t index, uint64_t *ret);
void host_no_msr(struct result *r, uint32_t index, enum got got);

/* True if the line @name of /proc/cpuinfo, "flags" or "vmx flags", has @flag.  @line gets it. */
bool host_flag(struct provider *p, const char *name, const char *flag,
	       char line[static TREE_LINE_MAX]);

/* doctor/host-cpu.c */
void host_cpu(struct exam *x, struct result *r);
/*
 * True if the kernel found that the CPU can host TDX, which no CPUID leaf says.  @flags gets the
 * line of /proc/cpuinfo, or "".
 */
bool host_offers_tdx(struct provider *p, char flags[static TREE_LINE_MAX]);

/* doctor/host-kvm.c */
void host_kvm(struct exam *x, struct result *r);
/*
 * The module that KVM uses the CPU by, or NULL: KVM can come from another, and then ordinary guests
 * may not start although a virtual CPU runs.
 */
const char *host_kvm_module_name(struct exam *x);

/* doctor/host-psp.c */
void host_snp_platform(struct exam *x, struct result *r);
void host_sev_log(struct exam *x, struct result *r);
void host_sev_split(struct exam *x, struct result *r);

/* doctor/host-qemu.c */
void host_qemu(struct exam *x, struct result *r);
void host_qemu_secret(struct exam *x, struct result *r);
void host_amdsev_firmware(struct exam *x, struct result *r);

/* doctor/host-kernel-file.c */
void host_kernel_file(struct exam *x, struct result *r);

/* doctor/host-amd.c: the firmware, the IOMMU and the secure processor */
void host_sev_bios(struct exam *x, struct result *r);
void host_sev_device(struct exam *x, struct result *r);
void host_snp_rmp(struct exam *x, struct result *r);
void host_snp_iommu(struct exam *x, struct result *r);
void host_snp_api(struct exam *x, struct result *r);

/* doctor/host-tdx.c: the firmware, the CPU and the kernel */
void host_tdx_bios(struct exam *x, struct result *r);
void host_tdx_production(struct exam *x, struct result *r);
void host_tdx_needs(struct exam *x, struct result *r);
void host_tdx_module(struct exam *x, struct result *r);
void host_tdx_locks(struct exam *x, struct result *r);

/* doctor/host-module.c: whether KVM makes such VMs */
void host_kvm_sev(struct exam *x, struct result *r);
void host_kvm_sev_es(struct exam *x, struct result *r);
void host_kvm_snp(struct exam *x, struct result *r);
void host_kvm_tdx(struct exam *x, struct result *r);
/*
 * True if KVM lists this type of VMs (KVM_X86_*_VM), which it does only when all below it is on;
 * then @r has that as evidence.
 */
bool host_kvm_makes(struct exam *x, struct result *r, unsigned vm_type);

/* doctor/host-virt.c: what matters for VMs of any kind */
void host_kvm_module(struct exam *x, struct result *r);
void host_vcpus(struct exam *x, struct result *r);
void host_avic(struct exam *x, struct result *r);
void host_ipiv(struct exam *x, struct result *r);
void host_tertiary(struct exam *x, struct result *r);
void host_memfd_policy(struct exam *x, struct result *r);

/* doctor/host-capacity.c: whether there is room for one more */
void host_sev_asids(struct exam *x, struct result *r);
void host_sev_es_asids(struct exam *x, struct result *r);
void host_tdx_keys(struct exam *x, struct result *r);

/* doctor/host-xen.c */
void host_xen(struct exam *x, struct result *r);

/* doctor/host-xen-guests.c: what Xen has for guests, in dom0 */
void host_xen_scheduler(struct exam *x, struct result *r);
void host_xen_introspection(struct exam *x, struct result *r);
void host_xen_pvh(struct exam *x, struct result *r);
void host_xen_pvcalls(struct exam *x, struct result *r);
void host_xen_config(struct exam *x, struct result *r);
void host_xen_dm(struct exam *x, struct result *r);
void host_xen_parameters(struct exam *x, struct result *r);

/* doctor/host-features.c: for information */
void host_umip(struct exam *x, struct result *r);
void host_lmce(struct exam *x, struct result *r);
void host_l2_cat(struct exam *x, struct result *r);
void host_mirrored_memory(struct exam *x, struct result *r);
void host_arm(struct exam *x, struct result *r);

#endif
