/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_AMD_VEK_H
#define COCO_ATTEST_SNP_AMD_VEK_H

#include <openssl/x509.h>

#include "base/macro.h"
#include "wire/snp-report.h"

/*
 * What AMD writes into the certificate of a VCEK or VLEK, as extensions 1.3.6.1.4.1.3704.1.*:
 * AMD, "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface Specification"
 * (57230).
 */
#define AMD_TEXT_MAX 255

struct amd_vek {
	uint64_t struct_version;
	enum snp_product product;
	char product_name[AMD_TEXT_MAX + 1];	/* "Milan-B0" */
	struct snp_tcb tcb;
	bool has_hwid;
	uint8_t hwid[SNP_CHIP_ID_LEN];		/* snp_chip_id_len() bytes, the rest zero */
	bool has_csp_id;
	char csp_id[AMD_TEXT_MAX + 1];		/* "CN=cc-us-east-2.amazonaws.com" */
};

/*
 * Read the extensions of @cert.  Those that a VCEK or VLEK may lack, HWID and CSP_ID, are for
 * the caller to ask after.
 *
 * 0; -EBADMSG for one that is missing, twice there, not well-formed, unknown and critical, or
 * of another product; -ENOENT for a product name that is none of ours.  Then @ret_what says in
 * a literal or @ret's own text which it is about, and @ret is not to be used otherwise.
 */
int amd_vek_read(X509 *cert, struct amd_vek *ret, const char **ret_what);

/* As policies have it: "BL:TEE:SNP:UCODE", on Turin with the FMC's number before. */
#define SNP_TCB_TEXT_LEN 20
void snp_tcb_format(enum snp_product product, const struct snp_tcb *tcb,
		    char ret[static SNP_TCB_TEXT_LEN]);

/* Whether it is of the chip and at the firmware level that @report says; a VLEK is of no chip. */
bool amd_vek_is_of(const struct amd_vek *vek, const struct snp_report *report);

#endif
