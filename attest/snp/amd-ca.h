/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_AMD_CA_H
#define COCO_ATTEST_SNP_AMD_CA_H

#include "wire/bytes.h"

/*
 * AMD's published CA certificates, so that a report and its VCEK or VLEK are enough.  They are
 * no trust: their root is pinned as any other (attest/trust.h), and their signatures and dates
 * are checked as any other's.
 */
struct amd_ca {
	const char *common_name;	/* "ARK-Milan", "SEV-Milan", "SEV-VLEK-Milan"; NULL ends the list */
	struct bytes der;
};

extern const struct amd_ca amd_cas[];

#endif
