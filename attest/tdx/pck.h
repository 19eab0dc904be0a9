/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_PCK_H
#define COCO_ATTEST_TDX_PCK_H

#include "base/macro.h"
#include "wire/bytes.h"

/*
 * What a PCK certificate says of its platform: the value of its SGX extension, in DER.
 * Source: Intel, "SGX PCK Certificate and Certificate Revocation List Profile Specification",
 * table of extensions.
 */
#define PCK_EXTENSION_OID "1.2.840.113741.1.13.1"

struct pck {
	uint8_t ppid[16];
	uint8_t components[16];
	uint16_t pcesvn;
	uint8_t cpusvn[16];
	uint8_t pceid[2];
	uint8_t fmspc[6];
	uint8_t sgx_type;		/* 0 standard, 1 scalable, 2 scalable with integrity */
	bool has_instance;		/* only platforms of several packages */
	uint8_t instance[16];
};

/*
 * Read the extension's value @der.  The parts may come in any order.  An unknown part must be an
 * OID and a value; the value is not looked at.
 * Returns 0 with @ret, or -EBADMSG if @der is malformed, or a part is missing, there twice or out
 * of range.
 */
int pck_parse(struct bytes der, struct pck *ret);

#endif
