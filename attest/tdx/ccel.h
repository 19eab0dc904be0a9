/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_CCEL_H
#define COCO_ATTEST_TDX_CCEL_H

#include "attest/policy.h"
#include "wire/tdx-quote.h"

#define RTMR_LEN 48

/* The code of a check of each register: "RTMR0" to "RTMR3". */
extern const char *const ccel_rtmr_codes[4];

/* What a log of a TD says its registers are. */
struct ccel {
	unsigned n_events;			/* without the header */
	unsigned n_measured[4];			/* events of each register */
	uint8_t rtmr[4][RTMR_LEN];
};

/*
 * Replay the event log @log: each step a check of @v.  The claims are "ccel.*".
 * Returns 0 with @ret, what verdict_fail() gave, or -ENOMEM.
 */
int ccel_replay(struct bytes log, struct verdict *v, struct ccel *ret);

/*
 * Whether it is the log of the TD of @body: the registers that @p names, RTMR0 to 2 when it
 * names none, are what their replay gives.  RTMR3 belongs to the guest, which extends it as it
 * runs, and firmware's log does not know.
 */
int ccel_compare(const struct ccel *c, const struct td_body *body, const struct policy *p,
		 struct verdict *v);

/* What a policy asks of a log beside its registers. */
void ccel_apply_policy(const struct ccel *c, const struct policy *p, struct verdict *v);

#endif
