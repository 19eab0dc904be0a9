/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_COLLATERAL_CHECK_H
#define COCO_AGENT_WORKER_COLLATERAL_CHECK_H

#include "agent/worker/check-report.h"
#include "attest/newest.h"
#include "attest/trust.h"

/*
 * Check all collateral below @root as of @now: whether it can be read, leads to one of the roots of
 * @trust, is signed, is not revoked, is good now, and is not older than what @newest remembers.
 * Prints and logs as attest_check() says; the result is in @report.
 */
void collateral_check(const char *root, const struct trust *trust, const struct newest *newest,
		      int64_t now, struct check_report *report);

#endif
