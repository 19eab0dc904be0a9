/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_TDX_COLLATERAL_H
#define COCO_ATTEST_TDX_TDX_COLLATERAL_H

#include "attest/verdict.h"

/*
 * What Intel publishes about platforms and about its quoting enclave, as JSON: TCB info version
 * 3 for TDX, QE identity version 2.  Format: Intel, "API documentation: TDX and SGX
 * provisioning certification service", version 4.
 *
 * The JSON is {"tcbInfo": {...}, "signature": "128 hexadecimal digits"}, or the same with
 * "enclaveIdentity"; the signature is over the inner object's own bytes.  Reading does not
 * verify: whoever calls does so with @signed_part and @signature before believing the rest.
 */

#define TCB_COMPONENTS 16
#define TCB_LEVELS_MAX 64	/* there are about 20 */
#define TCB_MODULES_MAX 16
#define TCB_SVN_LEVELS_MAX 16

/*
 * What a level says of those that are at it.  An unknown word is TCB_UNSUPPORTED: whatever it
 * means, nobody has accepted it.
 */
struct tcb_state {
	enum tcb_status status;
	int64_t date;			/* of the newest fix that is in it, seconds since 1970 */
	struct bytes advisories;	/* JSON array of texts, of no length when there is none */
};

/* Of the platform: reached when every component is. */
struct tcb_level {
	uint8_t sgx[TCB_COMPONENTS];
	uint8_t tdx[TCB_COMPONENTS];
	uint16_t pcesvn;
	struct bytes tcb;		/* the JSON object of the three, for tdx_component_words() */
	struct tcb_state state;
};

/* Of an enclave or module. */
struct svn_level {
	uint16_t isvsvn;
	struct tcb_state state;
};

struct svn_levels {
	unsigned n;
	struct svn_level level[TCB_SVN_LEVELS_MAX];	/* the newest first */
};

struct tdx_module {
	struct bytes id;		/* "TDX_01" */
	uint8_t mrsigner[48];
	uint8_t attributes[8], attributes_mask[8];
	struct svn_levels levels;	/* none in the module that stands for version 0 */
};

struct tdx_tcb_info {
	struct bytes signed_part;
	uint8_t signature[64];		/* r, s */
	int64_t issue, next_update;
	uint32_t evaluation;		/* tcbEvaluationDataNumber */
	uint32_t tcb_type;		/* 0, or it would not have been read */
	uint8_t fmspc[6];
	uint8_t pceid[2];
	bool has_module;
	struct tdx_module module;	/* for quotes of module version 0 */
	unsigned n_modules;
	struct tdx_module modules[TCB_MODULES_MAX];
	unsigned n_levels;
	struct tcb_level levels[TCB_LEVELS_MAX];	/* the newest first, whatever their order was */
};

struct tdx_qe_identity {
	struct bytes signed_part;
	uint8_t signature[64];
	int64_t issue, next_update;
	uint32_t evaluation;
	uint8_t miscselect[4], miscselect_mask[4];
	uint8_t attributes[16], attributes_mask[16];
	uint8_t mrsigner[32];
	uint16_t isvprodid;
	struct svn_levels levels;
};

/*
 * Read one from @json; @ret borrows its bytes.  @ret_problem is set on failure: what is wrong,
 * in words, and constant.
 *
 * Returns 0; -EBADMSG when it is malformed: no JSON, a member twice, unknown beside the two
 * outer ones, missing, of another type or out of range, not 16 components; -EOPNOTSUPP when it
 * is for something else (SGX, another version); -EMSGSIZE for more levels or modules than there
 * is room for, or deeper nesting.  @ret is undefined on failure.
 */
int tdx_tcb_info_read(struct bytes json, struct tdx_tcb_info *ret, const char **ret_problem);
int tdx_qe_identity_read(struct bytes json, struct tdx_qe_identity *ret, const char **ret_problem);

/*
 * What Intel says that component @i of @level is, its category and type: "BIOS", "Early Microcode
 * Update"; empty where it says nothing.  @tdx: of tdxtcbcomponents, else of sgxtcbcomponents.
 */
void tdx_component_words(const struct tcb_level *level, bool tdx, unsigned i,
			 struct bytes *ret_category, struct bytes *ret_type);

#endif
