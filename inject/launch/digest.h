/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_DIGEST_H
#define COCO_INJECT_LAUNCH_DIGEST_H

#include "base/pool.h"
#include "crypto/sha.h"
#include "inject/launch/kernel-hashes.h"
#include "inject/launch/snp-pages.h"
#include "inject/launch/vmsa.h"
#include "wire/bytes.h"

/*
 * What the security processor makes of a guest's first memory.
 *
 *	SEV, SEV-ES	SHA-256 of the firmware, the kernel hashes, and the VMSA pages in the order
 *			of the CPUs
 *	SEV-SNP		a chain of SHA-384 over the guest's first pages: the firmware, the pages of
 *			its metadata, the VMSAs
 *	TDX		inject/launch/mrtd.h
 *
 * Sources: AMD, publications 55766 (LAUNCH_UPDATE_DATA, LAUNCH_MEASURE) and 56860
 * (SNP_LAUNCH_UPDATE, PAGE_INFO); QEMU, target/i386/sev.c for the order.
 */
enum tech {
	TECH_SEV,
	TECH_SEV_ES,
	TECH_SNP,
	TECH_TDX,
	_TECH_MAX,
};

#define LAUNCH_DIGEST_MAX SHA384_LEN

/* What a guest starts with.  All is borrowed. */
struct launch {
	enum tech tech;				/* not TDX */
	struct bytes firmware;			/* the whole image; of SNP's, see below */
	const uint8_t *firmware_digest;		/* SNP: of the firmware's pages; NULL: hash them */
	const struct kernel_hashes *kernel;	/* NULL: no kernel, and so no table */

	/* Unless it is plain SEV: */
	size_t n_vcpus;				/* 1 to VCPUS_MAX */
	struct vmsa vmsa;			/* SNP: its variant tells the monitor too */
	uint32_t ap_eip;			/* where all CPUs but the first begin */
	const uint8_t *pages;			/* VMSA pages in place of these two, or NULL */
	size_t n_pages;				/* the last one is for all CPUs that follow, too */

	/*
	 * SNP: so many bytes of the image, whole stretches, are only in the file @firmware_fd, and
	 * @firmware is what follows, with all that the firmware says of itself.
	 */
	size_t firmware_before;
	int firmware_fd;			/* anything when nothing is before */
};

static inline size_t launch_digest_len(const struct launch *l)
{
	return l->tech == TECH_SNP ? SHA384_LEN : SHA256_LEN;
}

/*
 * The digest of @l, launch_digest_len() bytes.
 *
 * Returns 0; for SNP -ENOENT when the firmware has no SEV metadata, -ENXIO when there is a
 * kernel and the firmware has no place for its hashes, -EBADMSG or -EMSGSIZE for broken metadata
 * or an image that is not whole pages, -ESTALE and errors of read(2) as snp_firmware_end();
 * -ENOMEM; -EIO.  A section of a type that is not known counts as memory, as in QEMU.
 */
int launch_digest(const struct launch *l, uint8_t ret[static LAUNCH_DIGEST_MAX]);

/*
 * The same step by step, for who wants the digests of many launches that begin alike:
 * digest_begin() begins with the firmware, digest_firmware() waits until it is hashed,
 * digest_pages() adds what is between it and the VMSAs, digest_vcpu() the next VMSA.  digest_peek()
 * is the digest so far.  SNP's firmware is hashed on the threads of @pool, which must have ended
 * before digest_done() unless digest_firmware() has returned.
 */
struct digest {
	struct sha sha;
	uint8_t ld[SHA384_LEN];		/* SNP */
	struct snp_firmware *firmware;	/* SNP: what is hashed, or NULL */
};

int digest_begin(const struct launch *l, struct pool *pool, struct digest *ret);
int digest_firmware(struct digest *d);
int digest_copy(const struct digest *d, struct digest *ret);
int digest_pages(struct digest *d, const struct launch *l);

/* The CPUs that are in a digest: all zero before the first.  The last one's page is kept. */
struct vcpus {
	size_t next;
	uint8_t page[VMSA_LEN], contents[SHA384_LEN];
};

int digest_vcpu(struct digest *d, const struct launch *l, struct vcpus *v);
int digest_peek(const struct digest *d, const struct launch *l,
		uint8_t ret[static LAUNCH_DIGEST_MAX]);
void digest_done(struct digest *d);

/* The page of the @cpu-th CPU, from 0. */
void launch_vmsa(const struct launch *l, size_t cpu, uint8_t ret[static VMSA_LEN]);

#endif
