/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_LAUNCH_INPUT_H
#define COCO_INJECT_LAUNCH_LAUNCH_INPUT_H

#include "inject/launch/digest.h"
#include "inject/launch/mrtd.h"

/* Bytes.  QEMU takes 8 MiB of firmware at most, unless it is told otherwise. */
#define FIRMWARE_MAX (64u * 1024 * 1024)

/* Bytes.  QEMU has no limit.  Linux' arguments have 128 KiB, and x86 kernels take 2048. */
#define CMDLINE_MAX (1024u * 1024)

/* What the command line says of a launch, with the files read. */
struct launch_input {
	struct launch launch;		/* what it points to is below */
	const char *tech_name;
	enum mrtd_order order;		/* TDX */

	/*
	 * For SEV and SEV-ES only the image's last OVMF_TABLE_TAIL_LEN bytes are kept, for SNP the
	 * last ones with its metadata, or all.
	 */
	uint8_t *firmware;
	uint8_t *pages;
	char *cmdline;			/* as it is hashed, but for the NUL */
	size_t cmdline_len;		/* without the NUL */
	struct kernel_hashes hashes;
	bool kernel_is_checked; /* the firmware starts no other kernel than the hashed one */
	unsigned igvm_platforms;	/* of a firmware that is refused, see wire/igvm.h */

	/* Of SEV-ES and SNP: how many CPUs, the least of which is launch.n_vcpus. */
	struct vcpu_counts counts;

	/*
	 * Of SEV-ES and SNP: the models as they were given, the launch's first.  None when the
	 * pages come from files or have no model.
	 */
	struct cpu *cpus;
	size_t n_cpus;

	uint8_t firmware_digest[SHA384_LEN];	/* SNP: given or computed */
	struct digest begun; /* the firmware is in it; empty after --launch-digest */
	struct digest paged;		/* and what is between it and the VMSAs */

	bool digest_given;		/* --launch-digest: nothing above is known */
	uint8_t digest[LAUNCH_DIGEST_MAX];	/* of the first launch, when there are several */
	size_t digest_len;
};

/* True for several launches: more than one --vcpu-type, or number of --vcpus. */
static inline bool launch_input_is_list(const struct launch_input *in)
{
	return in->counts.n > 1 || in->n_cpus > 1;
}

#endif
