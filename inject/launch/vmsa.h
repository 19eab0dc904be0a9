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

struct vmsa_variant {
	const char *name, *when;	/* "when" is for people */
	bool snp;			/* of SEV-SNP, else of SEV-ES */
	uint64_t features;		/* SEV_FEATURES, unless others are given */
	bool fpu;			/* the FPU's reset state is filled in */
	uint16_t cs_bsp, ss, tr;	/* attributes; 0x9b, 0x93 and 0x8b by the book */
	bool own_rdx;			/* RDX begins as this, and not as the CPU's signature */
	uint32_t rdx;
	uint64_t pat;
	bool not_qemu;

	/* How the monitor's SNP launch differs, see inject/launch/digest.h. */
	bool cpuid_last, memory_unmeasured;
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

/* ---- CPUs ---- */

struct cpu {
	const char *name;
	uint32_t signature;
	bool real;		/* a processor, as -cpu host shows it; else a model of QEMU's */
};

/* Those that are known, no signature twice among the models or among the processors. */
const struct cpu *known_cpus(size_t *ret_n);

/*
 * QEMU's CPU models by name ("EPYC-Milan"), in upper case or lower, with or without a version
 * ("EPYC-Milan-v2").  Returns 0 and the signature, or -ENOENT.
 */
int cpu_type_signature(const char *name, uint32_t *ret);

/*
 * A signature as a number, or as "FAMILY/MODEL/STEPPING", each of which CPUID can say.  Returns
 * 0; -EINVAL for what is neither; -ERANGE for what is too large.
 */
int cpu_signature_parse(const char *text, uint32_t *ret);

/* ---- how many ---- */

#define VCPUS_MAX 4096		/* more than KVM gives a guest */

/* A set of numbers of CPUs. */
struct vcpu_counts {
	uint64_t bits[VCPUS_MAX / 64 + 1];
	size_t n, least, most;	/* how many numbers; the smallest and the largest */
};

/*
 * "4", "1-64", or several such with commas between.  Returns 0; -EINVAL for what is not that, or
 * a range that ends before it begins; -ERANGE for a number that is 0 or over VCPUS_MAX.
 */
int vcpu_counts_parse(const char *text, struct vcpu_counts *ret);

/* The set of @n alone, 1 to VCPUS_MAX. */
void vcpu_counts_set(struct vcpu_counts *ret, size_t n);

static inline bool vcpu_counts_has(const struct vcpu_counts *c, size_t n)
{
	return c->bits[n / 64] >> n % 64 & 1;
}

#endif
