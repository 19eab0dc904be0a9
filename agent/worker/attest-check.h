/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_ATTEST_CHECK_H
#define COCO_AGENT_WORKER_ATTEST_CHECK_H

#include "base/macro.h"

/*
 * What `cocod --check-config` has judged by cocod-worker: attest.conf, attest.trust, all
 * collateral and the memory of it, below @root ("" is the machine's), as of the clock.
 *
 * Each piece of collateral becomes a line on standard output, which says until when it is good;
 * each problem one on standard error: what cannot be read; what is malformed; certificates that
 * lead to no trusted root; lists and documents that their issuer did not sign; what is revoked,
 * not good now, or older than what was verified before, unless there is another of the same
 * sort which is good.  What is signed by a certificate that only evidence brings along is said
 * to be not checked.
 *
 * Returns the number of problems, or -ENOMEM.
 */
int attest_check(const char *root);

#endif
