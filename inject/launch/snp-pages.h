/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_SNP_PAGES_H
#define COCO_INJECT_LAUNCH_SNP_PAGES_H

#include "base/pool.h"
#include "crypto/sha.h"
#include "wire/bytes.h"

/*
 * SEV-SNP's launch digest: a chain of SHA-384, one link for each page, which has the hash of the
 * page's contents.  Source: AMD, publication 56860, SNP_LAUNCH_UPDATE, PAGE_INFO.
 */
enum snp_page_type {
	SNP_PAGE_NORMAL = 1,
	SNP_PAGE_VMSA = 2,
	SNP_PAGE_ZERO = 3,
	SNP_PAGE_UNMEASURED = 4,
	SNP_PAGE_SECRETS = 5,
	SNP_PAGE_CPUID = 6,
};

/* Add a page to the digest @ld, by the SHA-384 @sha.  Returns 0 or -EIO. */
int snp_page_add(struct sha *sha, uint8_t ld[static SHA384_LEN], enum snp_page_type type,
		 uint64_t gpa, const uint8_t contents[static SHA384_LEN]);

/*
 * The firmware's pages, with which the chain begins.  They are hashed on all processors beside
 * what the caller does meanwhile, and the chain follows them.
 */
struct snp_firmware;

/* Bytes.  A stretch is one job. */
#define SNP_STRETCH_LEN (256 * 1024)

/* Whole pages, and less than 4 GiB.  All is borrowed. */
struct snp_image {
	struct bytes end;	/* the image's last bytes, or all of it */
	size_t before;		/* so many bytes, whole stretches, are before these in @fd */
	int fd;			/* an open file, or anything when nothing is before */
};

/*
 * Begin on @pool.  @sha is a SHA-384.  @ret is yours, for snp_firmware_free() after pool_done(), or
 * after snp_firmware_end().  Returns 0, -ENOMEM or -EIO.
 */
int snp_firmware_begin(const struct snp_image *image, const struct sha *sha, struct pool *pool,
		       struct snp_firmware **ret);

/*
 * Wait for the end, and nothing of the image is needed any more.  @ret is the digest of the pages.
 *
 * Returns 0; -ESTALE when the file has become another one: it is shorter, or now an IGVM file; a
 * negative errno of read(2); -ENOMEM; -EIO.
 */
int snp_firmware_end(struct snp_firmware *f, uint8_t ret[static SHA384_LEN]);

struct snp_firmware *snp_firmware_free(struct snp_firmware *f);
static inline void snp_firmware_freep(struct snp_firmware **f)
{
	snp_firmware_free(*f);
}

#endif
