/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_HCL_H
#define COCO_WIRE_HCL_H

#include "wire/bytes.h"

/*
 * The report that the paravisor of an Azure confidential VM leaves in its vTPM (NV index
 * 01400001): a hardware report whose report data is the hash of a JSON text with the keys of the
 * vTPM.  Little-endian.  Layout: Azure, "Guest attestation for confidential VMs", and the
 * paravisor's own source (openvmm, IgvmAttestRequest).
 *
 *	000  "HCLA", u32 version, u32 size, u32 kind of request, u32 status, 12 bytes
 *	020  hardware report, 1184 bytes: of SEV-SNP, or a TDREPORT of 1024 and padding
 *	4C0  u32 length of what follows from here, u32 version, u32 kind of report, u32 hash,
 *	     u32 length of the JSON
 *	4D4  the JSON
 *
 * No allocation, no I/O.  Results point into the caller's bytes.
 */

#define HCL_MAX (64 * 1024)		/* the NV index has about 2600 bytes */
#define HCL_HW_REPORT_LEN 1184

enum hcl_kind {
	HCL_VBS = 1,
	HCL_SNP = 2,
	HCL_TVM = 3,
	HCL_TDX = 4,
};

enum hcl_hash {
	HCL_SHA256 = 1,
	HCL_SHA384 = 2,
	HCL_SHA512 = 3,
};

struct hcl_report {
	uint32_t kind;			/* as the report says; the hardware report decides */
	uint32_t hash;			/* any number */
	struct bytes hw_report;		/* HCL_HW_REPORT_LEN */
	struct bytes runtime_json;	/* the bytes that are hashed, not necessarily JSON */
};

/*
 * Parse such a report.  So far only the sizes can be trusted.
 *
 * @ret_problem is set on failure: what is wrong, in words, and constant.  Returns 0; -EBADMSG
 * when the bytes are malformed; -EOPNOTSUPP for an unknown version; -EMSGSIZE over HCL_MAX.  @ret
 * is written on success only.
 */
int hcl_parse(const uint8_t *data, size_t len, struct hcl_report *ret, const char **ret_problem);

#endif
