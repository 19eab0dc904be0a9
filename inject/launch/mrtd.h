/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_MRTD_H
#define COCO_INJECT_LAUNCH_MRTD_H

#include "crypto/sha.h"
#include "wire/bytes.h"

/*
 * MRTD of a TDX guest: SHA-384 of what the VMM does to build it, as the firmware's metadata
 * (wire/ovmf-metadata.h) tells it to.  Source: Intel, "TDX Module Architecture Specification",
 * TDH.MEM.PAGE.ADD and TDH.MR.EXTEND:
 *
 *	a page is added	    128 bytes: "MEM.PAGE.ADD" at 0, u64 gpa at 16
 *	256 bytes of it	    128 bytes: "MR.EXTEND" at 0, u64 gpa at 16; then the 256 bytes
 */
enum mrtd_order {
	/* A page is added and measured, then the next: Linux' KVM and today's QEMU. */
	MRTD_PAGE_BY_PAGE,
	/* All pages of a section are added, then measured: QEMU trees before TDX was merged. */
	MRTD_TWO_PASS,
};

/*
 * Returns 0; -ENOENT when @firmware has no TDX metadata; -EBADMSG and -EMSGSIZE when they are
 * broken, see ovmf_tdx_sections(); -EIO.
 */
int mrtd(const struct bytes *firmware, enum mrtd_order order, uint8_t ret[static SHA384_LEN]);

#endif
