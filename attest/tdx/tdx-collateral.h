/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_TDX_COLLATERAL_H
#define COCO_ATTEST_TDX_TDX_COLLATERAL_H

#include "attest/verdict.h"

/*
 * What Intel publishes about platforms and about its quoting enclave, as JSON: TCB info version 3
 * for TDX, and QE identity version 2.  Source: Intel, "API documentation: TDX and SGX
 * provisioning certification service", version 4.
 *
 * The JSON is {"tcbInfo": {...}, "signature": "128 hexadecimal digits"}, or the same with
 * "enclaveIdentity".  The signature is over the inner object's own bytes.  Reading does not
 * verify: before the caller believes the rest, it verifies @signature over @signed_part.
 */

#define TCB_COMPONENTS 16
#define TCB_LEVELS_MAX 64	/* there are about 20 */
#define TCB_MODULES_MAX 16
#define TCB_SVN_LEVELS_MAX 16

/*
 * What Intel says of everything that is at a level.  A status that is not known is read as
 * TCB_UNSUPPORTED: whatever it means, no policy has accepted it.
 */
struct tcb_state {
	enum tcb_status status;
	int64_t date;			/* of the newest fix in the level, seconds since 1970 */
	struct bytes advisories;	/* JSON array of texts; length 0 if there is none */
};

/* A level of the platform.  It is reached if every component is. */
struct tcb_level {
	uint8_t sgx[TCB_COMPONENTS];
	uint8_t tdx[TCB_COMPONENTS];
	uint16_t pcesvn;
	struct bytes tcb; /* the JSON object of the three, for tdx_component_words() */
	struct tcb_state state;
};

/* A level of an enclave or a module. */
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
	struct svn_levels levels;	/* empty for the module of version 0 */
};

struct tdx_tcb_info {
	struct bytes signed_part;
	uint8_t signature[64];		/* r, s */
	int64_t issue, next_update;
	uint32_t evaluation;		/* tcbEvaluationDataNumber */
	uint32_t tcb_type;		/* always 0: others are refused */
	uint8_t fmspc[6];
	uint8_t pceid[2];
	bool has_module;
	struct tdx_module module;	/* for quotes with module version 0 */
	unsigned n_modules;
	struct tdx_module modules[TCB_MODULES_MAX];
	unsigned n_levels;
	struct tcb_level levels[TCB_LEVELS_MAX];	/* the newest first */
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
 * Read a document from @json; @ret borrows its bytes.  On failure, @ret_problem is a literal that
 * says what is wrong, and @ret is undefined.
 *
 * Returns 0; -EBADMSG if @json is malformed: not JSON, a third member in the outer object, not 16
 * components, or a member that is missing, there twice, of another type or out of range;
 * -EOPNOTSUPP if the document is for something else (SGX, another version); -EMSGSIZE if it has
 * more levels or modules than there is room for, or is nested too deep.
 */
int tdx_tcb_info_read(struct bytes json, struct tdx_tcb_info *ret, const char **ret_problem);
int tdx_qe_identity_read(struct bytes json, struct tdx_qe_identity *ret, const char **ret_problem);

/*
 * Intel's words for component @i of @level: its category ("BIOS") and its type ("Early Microcode
 * Update"), each empty if Intel gives none.  With @tdx the component is one of tdxtcbcomponents,
 * else of sgxtcbcomponents.
 */
void tdx_component_words(const struct tcb_level *level, bool tdx, unsigned i,
			 struct bytes *ret_category, struct bytes *ret_type);

#endif
