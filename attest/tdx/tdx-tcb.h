/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_TDX_TCB_H
#define COCO_ATTEST_TDX_TDX_TCB_H

#include "attest/tdx/pck.h"
#include "attest/tdx/tdx-collateral.h"
#include "wire/tdx-quote.h"

/*
 * How current a platform is, by Intel's rules (the "TDX DCAP quote verification" flow of the
 * provisioning certification service's documentation): the levels of platform, module and
 * quoting enclave, and one status from the three.  Pure: no signature, no date, no policy.
 */
struct tdx_tcb {
	enum tcb_status status;			/* of all together */
	const struct tcb_level *platform;	/* the level each is at, NULL for none */
	const struct svn_level *module;		/* NULL for version 0 as well, which has no level of its own */
	const struct svn_level *qe;
};

/*
 * The module identity that a quote with @tee_tcb_svn must come from: of the version in its
 * second byte, or the unversioned one for version 0.  NULL when @info has none.
 */
const struct tdx_module *tdx_tcb_module(const struct tdx_tcb_info *info,
					const uint8_t tee_tcb_svn[static 16]);

/* Whether the module in @body is signed and attributed as @m says. */
bool tdx_module_fits(const struct tdx_module *m, const struct td_body *body);

/*
 * Whether @report is of an enclave as @qe describes it: signer, product, attributes; its
 * version is for the levels.
 */
bool tdx_qe_fits(const struct tdx_qe_identity *qe, const struct sgx_report *report);

/* Something of a platform that is older than the level that it would have to be at. */
struct tdx_lack {
	enum tdx_part { TDX_PART_SGX, TDX_PART_PCESVN, TDX_PART_TDX, TDX_PART_MODULE, TDX_PART_QE } part;
	unsigned i;		/* of the 16 components, from 0; of the module its version */
	unsigned has, needs;
};

#define TDX_LACKS_MAX (2 * TCB_COMPONENTS + 3)

/*
 * What is between a platform and a status that is accepted.  All that it lacks is older than what
 * the newest level with such a status has; none is lacking when the level that it is at says by
 * itself that something else is to be done, such as another configuration.
 */
struct tdx_shortfall {
	const struct tcb_level *target;	/* that level, NULL when no level has an accepted status */
	bool module_alone;		/* with the module at its level, and nothing else changed, the status is accepted */
	unsigned n;
	struct tdx_lack lacks[TDX_LACKS_MAX];
};

/* Of a quote as for tdx_tcb_evaluate(); @accept has a bit for each enum tcb_status. */
void tdx_shortfall_find(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
			const struct pck *pck, const struct tdx_quote *q, uint32_t accept,
			struct tdx_shortfall *ret);

/* Of a quote whose module is in @info, by tdx_tcb_module(). */
void tdx_tcb_evaluate(const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
		      const struct pck *pck, const struct tdx_quote *q, struct tdx_tcb *ret);

#endif
