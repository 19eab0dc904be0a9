/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_AMD_CA_H
#define COCO_ATTEST_SNP_AMD_CA_H

#include "wire/bytes.h"

/*
 * AMD's published CA certificates, so that a report and its VCEK or VLEK are enough.  Being
 * built in does not make them trusted: the root must be a trust anchor (attest/trust.h), and
 * signatures and dates are checked as of any other certificate.
 */
struct amd_ca {
	const char *common_name;	/* "ARK-Milan", "SEV-VLEK-Milan"; NULL ends the list */
	struct bytes der;
};

extern const struct amd_ca amd_cas[];

#endif
