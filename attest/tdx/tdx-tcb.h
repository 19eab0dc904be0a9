/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_TDX_TCB_H
#define COCO_ATTEST_TDX_TDX_TCB_H

#include "attest/tdx/pck.h"
#include "attest/tdx/tdx-collateral.h"
#include "wire/tdx-quote.h"

/*
 * How current a platform is, by Intel's rules: the levels of platform, module and quoting
 * enclave, and one status made of the three.  Signatures, dates and policies are not looked at.
 * Source: the flow "TDX DCAP quote verification" in the documentation of Intel's provisioning
 * certification service.
 */
struct tdx_tcb {
	enum tcb_status status;			/* of all together */
	/* The level that each is at; NULL if it reaches no level. */
	const struct tcb_level *platform;
	const struct svn_level *module;		/* NULL for version 0 too, which has no levels */
	const struct svn_level *qe;
};

/*
 * The module identity that belongs to a quote with @tee_tcb_svn.  The second byte is the module's
 * version; version 0 has the identity without a version.  NULL if @info does not have it.
 */
const struct tdx_module *tdx_tcb_module(const struct tdx_tcb_info *info,
					const uint8_t tee_tcb_svn[static 16]);

/* True if the module in @body has the signer and the attributes that @m gives. */
bool tdx_module_fits(const struct tdx_module *m, const struct td_body *body);

/*
 * True if @report is from an enclave with the signer, product and attributes that @qe gives.  The
 * enclave's version is not looked at: levels judge it.
 */
bool tdx_qe_fits(const struct tdx_qe_identity *qe, const struct sgx_report *report);

/* A part of a platform that is older than it would have to be. */
struct tdx_lack {
	enum tdx_part {
		TDX_PART_SGX,
		TDX_PART_PCESVN,
		TDX_PART_TDX,
		TDX_PART_MODULE,
		TDX_PART_QE,
	} part;
	unsigned i;		/* which of the 16 components, from 0; of the module its version */
	unsigned has, needs;
};

#define TDX_LACKS_MAX (2 * TCB_COMPONENTS + 3)

/*
 * What a platform lacks for a status that is accepted: the parts that are older than the newest
 * level with such a status asks for.  Nothing is lacking if the platform's level asks for
 * something else, such as another configuration.
 */
struct tdx_shortfall {
	const struct tcb_level *target;	/* that level; NULL if no level has an accepted status */
	bool module_alone;		/* it would be enough to update the module */
	unsigned n;
	struct tdx_lack lacks[TDX_LACKS_MAX];
};

/* Find what the platform of @q lacks.  @accept has a bit for each enum tcb_status. */
void tdx_shortfall_find(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
			const struct pck *pck, const struct tdx_quote *q, uint32_t accept,
			struct tdx_shortfall *ret);

/* Evaluate @q.  tdx_tcb_module() must have found the module of @q in @info. */
void tdx_tcb_evaluate(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
		      const struct pck *pck, const struct tdx_quote *q, struct tdx_tcb *ret);

#endif
