/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_TDX_QUOTE_H
#define COCO_WIRE_TDX_QUOTE_H

#include "wire/bytes.h"

/*
 * A TDX quote, version 4 or 5, and the structures in it.  All are arrays of bytes, so that they
 * may lie at any address; numbers are little-endian.  Layouts: Intel, "TDX DCAP Quoting Library
 * API", appendix A; "Intel TDX Module ABI", TDREPORT_STRUCT.
 *
 *	v4: header, TD 1.0 body, u32 length, authentication data, whatever follows
 *	v5: header, u16 kind of body, u32 its length, body, u32 length, authentication data,
 *	    whatever follows
 *
 *	authentication data: signature, attestation key, u16 6, u32 length, QE report,
 *	    its signature, u16 length, QE authentication data, u16 5, u32 length, PCK chain
 *
 * No allocation, no I/O.  Results point into the caller's bytes.
 */

/* No real quote is longer than 8000 bytes; the kernel's own limit is 128 KiB. */
#define TDX_QUOTE_MAX (128 * 1024)

/* Values of the header's tee_type. */
#define QUOTE_TEE_SGX 0x00u
#define QUOTE_TEE_TDX 0x81u

struct tdx_quote_header {
	uint8_t version[2];
	uint8_t key_type[2];		/* 2: ECDSA with P-256 and SHA-256 */
	uint8_t tee_type[4];
	uint8_t svn[4];			/* of QE and PCE, formerly */
	uint8_t qe_vendor_id[16];
	uint8_t user_data[20];
};

/* A TD 1.5 body begins with this too. */
struct td_body {
	uint8_t tee_tcb_svn[16];
	uint8_t mrseam[48];
	uint8_t mrsignerseam[48];
	uint8_t seam_attributes[8];
	uint8_t td_attributes[8];
	uint8_t xfam[8];
	uint8_t mrtd[48];
	uint8_t mrconfigid[48];
	uint8_t mrowner[48];
	uint8_t mrownerconfig[48];
	uint8_t rtmr[4][48];
	uint8_t report_data[64];
};

struct td_body15 {
	struct td_body body;
	/* of the module that runs now; tee_tcb_svn is that of the module at launch */
	uint8_t tee_tcb_svn2[16];
	uint8_t mrservicetd[48];
};

/* Of version 5, body type 4: a TD 1.5 body and 237 bytes about service TDs and migration. */
#define TD_BODY15_MORE_LEN 885

/* An SGX report; here that of the quoting enclave. */
struct sgx_report {
	uint8_t cpusvn[16];
	uint8_t miscselect[4];
	uint8_t reserved1[28];
	uint8_t attributes[16];
	uint8_t mrenclave[32];
	uint8_t reserved2[32];
	uint8_t mrsigner[32];
	uint8_t reserved3[96];
	uint8_t isvprodid[2];
	uint8_t isvsvn[2];
	uint8_t reserved4[60];
	uint8_t report_data[64];
};

/* What the TDX module gives to a TD.  Outside the machine only a quote of it means anything. */
struct td_report {
	uint8_t type[4];		/* 81h, 0, 0, version */
	uint8_t reserved1[12];
	uint8_t cpusvn[16];
	uint8_t tcb_info_hash[48];	/* SHA-384 of tcb_info */
	uint8_t info_hash[48];		/* SHA-384 of the 512 bytes from td_attributes */
	uint8_t report_data[64];
	uint8_t reserved2[32];
	uint8_t mac[32];
	uint8_t tcb_info_valid[8];
	uint8_t tee_tcb_svn[16];
	uint8_t mrseam[48];
	uint8_t mrsignerseam[48];
	uint8_t seam_attributes[8];
	uint8_t tcb_info_rest[111];
	uint8_t reserved3[17];
	uint8_t td_attributes[8];
	uint8_t xfam[8];
	uint8_t mrtd[48];
	uint8_t mrconfigid[48];
	uint8_t mrowner[48];
	uint8_t mrownerconfig[48];
	uint8_t rtmr[4][48];
	uint8_t servtd_hash[48];
	uint8_t info_rest[64];
};

_Static_assert(sizeof(struct tdx_quote_header) == 48, "layout");
_Static_assert(sizeof(struct td_body) == 584, "layout");
_Static_assert(sizeof(struct td_body15) == 648, "layout");
_Static_assert(sizeof(struct sgx_report) == 384, "layout");
_Static_assert(sizeof(struct td_report) == 1024, "layout");

struct tdx_quote {
	uint16_t version;		/* 4 or 5 */
	const struct tdx_quote_header *header;
	const struct td_body *body;
	const struct td_body15 *body15;	/* NULL for TD 1.0 */
	/* more follows the body, also signed: what migrated the TD, and from where */
	bool has_more;
	struct bytes signed_part;	/* the bytes that @signature covers */
	const uint8_t *signature;	/* r, s: 32 bytes each, big-endian */
	const uint8_t *key;		/* the attestation key: x, y, as above */
	const struct sgx_report *qe_report;
	const uint8_t *qe_signature;	/* over @qe_report, by the PCK */
	struct bytes qe_auth;		/* maybe empty */
	struct bytes pck_chain;		/* PEM: leaf, intermediate, root; a last NUL is possible */
	/* bytes after all that; they are not signed and never read */
	size_t n_trailing;
};

/*
 * Parse a quote.  Every length must fit and fill its place; so far only the sizes can be trusted.
 *
 * @ret_problem is set on failure: what is wrong, in words, and constant.
 *
 * Returns 0; -EBADMSG when the bytes are malformed; -EOPNOTSUPP when they are a quote, but not
 * one of a TD by Intel's quoting enclave in version 4 or 5 with an ECDSA P-256 key; -EMSGSIZE
 * over TDX_QUOTE_MAX.  @ret is written on success only.
 */
int tdx_quote_parse(const uint8_t *data, size_t len, struct tdx_quote *ret,
		    const char **ret_problem);

#endif
