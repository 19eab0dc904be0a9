/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_CCEL_H
#define COCO_ATTEST_TDX_CCEL_H

#include "attest/policy.h"
#include "wire/tdx-quote.h"

#define RTMR_LEN 48

/* The codes of the registers' checks: "RTMR0" to "RTMR3". */
extern const char *const ccel_rtmr_codes[4];

/* The registers of a TD as its event log has them. */
struct ccel {
	unsigned n_events;			/* without the header, and what continues the log */
	unsigned n_measured[4];			/* events of each register */
	uint8_t rtmr[4][RTMR_LEN];
};

/*
 * Replay the event log @log and then @runtime, events that continue it, which may be empty.  Each
 * step is a check in @v; the claims are "ccel.*".
 * Returns 0 with @ret, what verdict_fail() gave, or -ENOMEM.
 */
int ccel_replay(struct bytes log, struct bytes runtime, struct verdict *v, struct ccel *ret);

/*
 * Check that the log leads to the registers in @body: to those that @p names with regs=, or to
 * RTMR0, RTMR1 and RTMR2.  RTMR3 belongs to the guest, which extends it as it runs; what cocod
 * extended it with is in the runtime log.
 * Returns 0, or what verdict_fail() gave for the first register that differs.
 */
int ccel_compare(const struct ccel *c, const struct td_body *body, const struct policy *p,
		 struct verdict *v);

/* Check what the policy asks of the log besides its registers. */
void ccel_apply_policy(const struct ccel *c, const struct policy *p, struct verdict *v);

#endif
