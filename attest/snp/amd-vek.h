/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_AMD_VEK_H
#define COCO_ATTEST_SNP_AMD_VEK_H

#include <openssl/x509.h>

#include "base/macro.h"
#include "wire/bytes.h"
#include "wire/snp-report.h"

/*
 * What AMD writes into the certificate of a VCEK or VLEK, as extensions 1.3.6.1.4.1.3704.1.*.
 * Source: AMD, "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface
 * Specification" (57230).
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
 * Read the extensions of @cert.  HWID and CSP_ID may be absent: the caller checks for them.
 *
 * Returns 0; -EBADMSG if an extension is missing, there twice, malformed, critical and unknown,
 * or one of another product; -ENOENT if the product name is not known.  On failure @ret_what
 * names the extension; of @ret only product_name may be used, and only with -ENOENT.
 */
int amd_vek_read(X509 *cert, struct amd_vek *ret, const char **ret_what);

/* False if amd_vek_read() would refuse the certificate with these bytes: it is not decoded. */
bool amd_vek_may_be(struct bytes der);

/* The form that policies have: "BL:TEE:SNP:UCODE"; on Turin "FMC:BL:TEE:SNP:UCODE". */
#define SNP_TCB_TEXT_LEN 20
void snp_tcb_format(enum snp_product product, const struct snp_tcb *tcb,
		    char ret[static SNP_TCB_TEXT_LEN]);

/*
 * True if @vek is for the chip and the firmware level that @report names.  A VLEK is for no
 * chip in particular.
 */
bool amd_vek_is_of(const struct amd_vek *vek, const struct snp_report *report);

#endif
