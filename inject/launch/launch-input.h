/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_LAUNCH_INPUT_H
#define COCO_INJECT_LAUNCH_LAUNCH_INPUT_H

#include "inject/launch/digest.h"
#include "inject/launch/mrtd.h"

/* What the command line says of a launch, with the files read. */
#define FIRMWARE_MAX (64u * 1024 * 1024)	/* bytes; QEMU takes 8 MiB at most unless told otherwise */
#define CMDLINE_MAX (1024u * 1024)	/* bytes; QEMU has no limit, an argument of Linux' has 128 KiB, x86 kernels take 2048 */

struct launch_input {
	struct launch launch;		/* what it points to is below */
	const char *tech_name;
	enum mrtd_order order;		/* TDX */

	uint8_t *firmware, *pages;	/* of the image SEV and SEV-ES keep the end only, OVMF_TABLE_TAIL_LEN bytes */
	char *cmdline;			/* as it is hashed, but for the NUL */
	size_t cmdline_len;		/* without the NUL */
	struct kernel_hashes hashes;
	bool kernel_is_checked;		/* the firmware starts no other kernel, initrd or command line than those hashed */
	unsigned igvm_platforms;	/* of a firmware that is refused, see wire/igvm.h */
	struct vcpu_counts counts;	/* SEV-ES, SNP: as many CPUs; launch.n_vcpus is the least of them */
	struct cpu *cpus;		/* SEV-ES, SNP: models as they were given; the first is the launch's */
	size_t n_cpus;			/* of them; 0 when the pages come from files or have no model */
	uint8_t firmware_digest[SHA384_LEN];	/* SNP: given or computed */
	struct digest begun;		/* the firmware is in it; empty when --launch-digest was given */
	struct digest paged;		/* and what is between it and the VMSAs */

	bool digest_given;		/* --launch-digest: nothing above is known */
	uint8_t digest[LAUNCH_DIGEST_MAX];	/* of the first launch, when there are several */
	size_t digest_len;
};

/* Whether it is more than one launch: several --vcpu-type, or numbers of --vcpus. */
static inline bool launch_input_is_list(const struct launch_input *in)
{
	return in->counts.n > 1 || in->n_cpus > 1;
}

#endif
