/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_GATHER_TEE_H
#define COCO_ATTEST_GATHER_TEE_H

#include "base/macro.h"

/*
 * Which kind of confidential VM this is, as far as a guest can tell by itself.
 *
 * Three witnesses are asked: the CPU (CPUID 0x8000001f and 0x21), SEV_STATUS (MSR 0xc0010131,
 * which a host cannot intercept for a real SEV guest), and the kernel, which says at boot what
 * it found.  A plain VM can be shown all three; agreement is no proof.  For SEV and SEV-ES
 * there is none inside: the owner measured the guest before injecting, and that is the proof.
 */
enum tee {
	TEE_NONE,
	TEE_SEV,
	TEE_SEV_ES,
	TEE_SEV_SNP,
	TEE_TDX,
	TEE_UNKNOWN,	/* the witnesses contradict each other, or one cannot be heard */
	_TEE_MAX,
};

/*
 * Bits of sev_status, and of kernel_sev: AMD64 Architecture Programmer's Manual 2, "SEV_STATUS
 * MSR".
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

/* Ask all witnesses.  What cannot be heard is noted in the *_error members. */
void tee_ask(struct tee_witnesses *ret);

/*
 * Judge: the kind, and why into @reason for people, NUL-terminated.  A kind other than TEE_NONE
 * and TEE_UNKNOWN means that all its witnesses agree.
 */
enum tee tee_judge(const struct tee_witnesses *w, char *reason, size_t reason_size);

/* "none", "sev", "sev-es", "sev-snp", "tdx", "unknown". */
const char *tee_name(enum tee tee);

/*
 * One record of /dev/kmsg, @line, NUL-terminated: add what it says of memory encryption to @w.
 * Only records of the kernel itself count (facility 0, which a process cannot write).
 */
void tee_hear_kmsg(struct tee_witnesses *w, const char *line);

#endif
