/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_TDX_STATUS_H
#define COCO_ATTEST_TDX_TDX_STATUS_H

#include "attest/policy.h"
#include "attest/tdx/tdx-tcb.h"

/* What a verdict says of how current a platform is. */

/* Add claims "tdx.*".  @expires is when the first piece of collateral expires. */
void tdx_status_claims(struct verdict *v, const struct tdx_tcb *tcb,
		       const struct tdx_tcb_info *info, const struct tdx_qe_identity *qe,
		       int64_t expires);

/* Note in @v what the platform lacks for a status that v->policy accepts. */
void tdx_status_shortfall(struct verdict *v, const struct tdx_tcb_info *info,
			  const struct tdx_qe_identity *qe, const struct pck *pck,
			  const struct tdx_quote *q);

/* Check that @p accepts @status.  A failure also tells what tdx_status_shortfall() noted. */
void tdx_status_check(struct verdict *v, const struct policy *p, enum tcb_status status);

#endif
