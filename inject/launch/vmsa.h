/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_VMSA_H
#define COCO_INJECT_LAUNCH_VMSA_H

#include "base/macro.h"

/*
 * The state in which a virtual CPU starts: the page ("VMSA") that SEV-ES and SEV-SNP measure
 * for each.  Layout: AMD64 Architecture Programmer's Manual, volume 2, table B-4.  Contents:
 * QEMU's reset state of a CPU, as Linux' sev_es_sync_vmsa() copies it; for other monitors what
 * they are known to set.
 */
#define VMSA_LEN 4096
#define VMSA_EIP_BSP 0xfffffff0u
#define VMSA_DEBUG_SWAP 0x20u	/* in SEV_FEATURES: the debug registers are swapped for the guest */

struct vmsa_variant {
	const char *name, *when;	/* "when" is for people */
	bool snp;			/* of SEV-SNP, else of SEV-ES */
	uint64_t features;		/* SEV_FEATURES, unless others are given */
	bool fpu;			/* the FPU's reset state is filled in */
	uint16_t cs_bsp, ss, tr;	/* attributes; 0x9b, 0x93 and 0x8b by the book */
	uint32_t edx;			/* 0: the CPU's signature */
	uint64_t pat;
	bool cpuid_last, memory_unmeasured;	/* how the monitor's SNP launch differs, see inject/launch/digest.h */
};

/* All of them; within SEV-ES and SEV-SNP the usual one first.  @ret_n is their number. */
const struct vmsa_variant *vmsa_variants(size_t *ret_n);

/* NULL for an unknown name, or one of the other technology. */
const struct vmsa_variant *vmsa_variant_find(const char *name, bool snp);

struct vmsa {
	const struct vmsa_variant *variant;
	uint32_t signature;	/* CPUID leaf 1, eax */
	uint64_t features;
};

/* The page of a CPU that begins at @eip. */
void vmsa_page(const struct vmsa *v, uint32_t eip, uint8_t ret[static VMSA_LEN]);

/*
 * QEMU's CPU models by name ("EPYC-Milan"), with or without a version ("EPYC-Milan-v2").
 * Returns 0 and the signature, or -ENOENT.
 */
int cpu_type_signature(const char *name, uint32_t *ret);

/* The @i-th CPU model, for lists; NULL behind the last. */
const char *cpu_type_name(size_t i, uint32_t *ret_signature);

#endif
