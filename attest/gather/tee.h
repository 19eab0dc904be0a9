/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_TEE_H
#define COCO_ATTEST_GATHER_TEE_H

#include "base/macro.h"

/*
 * Which kind of confidential VM this is, as far as a guest can tell by itself.
 *
 * Three witnesses are asked: the CPU (CPUID 0x8000001f and 0x21), SEV_STATUS (MSR 0xc0010131,
 * which a host cannot intercept for a real SEV guest), and the kernel, which logs at boot what it
 * found.  A host can show all three to a plain VM, so their agreement is not a proof.  An SEV or
 * SEV-ES guest cannot prove itself from inside: the proof is that the owner measured the guest
 * before injecting the secrets.
 */
enum tee {
	TEE_NONE,
	TEE_SEV,
	TEE_SEV_ES,
	TEE_SEV_SNP,
	TEE_TDX,
	TEE_UNKNOWN,	/* the witnesses contradict each other, or one cannot be asked */
	_TEE_MAX,
};

/*
 * Bits of sev_status and kernel_sev.
 * Source: AMD64 Architecture Programmer's Manual, volume 2, "SEV_STATUS MSR".
 */
#define SEV_STATUS_SEV 1u
#define SEV_STATUS_ES 2u
#define SEV_STATUS_SNP 4u

struct tee_witnesses {
	bool cpuid_sev;			/* 0x8000001f EAX bit 1 */
	bool cpuid_es;			/* bit 3 */
	bool cpuid_snp;			/* bit 4 */
	bool cpuid_tdx;			/* leaf 0x21 says "IntelTDX    " */
	int status_error;		/* 0, or why SEV_STATUS could not be read */
	uint64_t sev_status;
	int kernel_error;		/* 0, or why the kernel's log could not be read */
	unsigned kernel_sev;		/* what the kernel says is active, as SEV_STATUS_* */
	bool kernel_tdx;
};

/*
 * Ask the CPU, and if it says SEV or TDX, the others.  The *_error members tell which of them could
 * not be asked.
 */
void tee_ask(struct tee_witnesses *ret);

/*
 * Judge what the witnesses say.  @reason becomes a C string for people.  A kind other than
 * TEE_NONE and TEE_UNKNOWN means that all its witnesses agree.
 */
enum tee tee_judge(const struct tee_witnesses *w, char *reason, size_t reason_size);

/* "none", "sev", "sev-es", "sev-snp", "tdx", "unknown". */
const char *tee_name(enum tee tee);

/*
 * Add to @w what a record of /dev/kmsg, the C string @line, says of memory encryption.  Only
 * records of the kernel itself count: they have facility 0, which a process cannot write.
 */
void tee_hear_kmsg(struct tee_witnesses *w, const char *line);

#endif
