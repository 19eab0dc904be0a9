/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_MACHINE_H
#define COCO_DOCTOR_MACHINE_H

#include "doctor/provider.h"

/* What CPUID says of a machine, which most checks need. */

/* One hypervisor that shows itself in the leaves from 0x40000000 on. */
struct hypervisor {
	char signature[13];	/* "KVMKVMKVM", with NULs and blanks at the end taken off */
	uint32_t base;		/* its first leaf */
	uint32_t last;
};

#define HYPERVISORS_MAX 4

struct machine {
	enum got cpuid;			/* whether CPUID could be asked at all */
	char vendor[13];		/* "AuthenticAMD" */
	char model[49];			/* "AMD EPYC 7313 16-Core Processor"; may be "" */
	bool in_vm;			/* the CPU says that there is a hypervisor */
	struct hypervisor hypervisors[HYPERVISORS_MAX];	/* by their bases */
	unsigned n_hypervisors;
	uint32_t sev;			/* EAX of leaf 0x8000001f, 0 without it */
	bool tdx_guest;			/* leaf 0x21 says "IntelTDX    " */
};

/* Bits of sev.  Source: AMD64 Architecture Programmer's Manual, volume 3, Fn8000_001F. */
#define CPUID_SME (1u << 0)
#define CPUID_SEV (1u << 1)
#define CPUID_SEV_ES (1u << 3)
#define CPUID_SEV_SNP (1u << 4)

void machine_ask(struct provider *p, struct machine *ret);

/* The hypervisor with this signature, or NULL. */
const struct hypervisor *machine_hypervisor(const struct machine *m, const char *signature);

bool machine_is_amd(const struct machine *m);	/* Hygon's are AMD's */
bool machine_is_intel(const struct machine *m);

#endif
