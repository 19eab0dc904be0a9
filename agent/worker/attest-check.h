/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_ATTEST_CHECK_H
#define COCO_AGENT_WORKER_ATTEST_CHECK_H

#include "base/macro.h"

/*
 * What cocod-worker checks for `cocod --check-config`: attest.conf, attest.trust, all collateral
 * and the memory of what was verified, below @root ("" is the machine's), as of the clock.
 *
 * Each piece of collateral gives a line on standard output, which says until when it is good.
 * Each problem gives a line on standard error:
 *
 *  - a file that cannot be read, or is malformed
 *  - a certificate that leads to no trusted root
 *  - a list or document that its issuer did not sign
 *  - a revoked certificate
 *  - a piece that is not good now, or older than what was verified before, unless another piece of
 *    the same sort is good
 *
 * A list whose issuer's certificate comes with evidence only is said to be unchecked.
 *
 * Returns the number of problems, or -ENOMEM.
 */
int attest_check(const char *root);

#endif
