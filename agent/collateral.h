/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_COLLATERAL_H
#define COCO_AGENT_COLLATERAL_H

#include "attest/provider.h"

/*
 * What evidence is judged by, read below @root as it is, and looked into by nobody here: the
 * policy attest.conf, the trust file attest.trust, and what lies in /etc/cocod/collateral and
 * /var/cache/cocod.
 *
 * A file there is taken for what its name begins with: "cert", "crl", "tcb-info",
 * "qe-identity", "tcb-chain", "qe-chain", "root-crl" or "pck-crl", as in "cert-vcek.der";
 * others are left alone.  Of those of which one is wanted the first counts.  None of it is
 * trusted because it is there.
 *
 * Returns 0; -ENODATA without a policy, and other errors of reading it, with the cause in @why.
 * Collateral that cannot be read is noted in @ret.
 */
int collateral_add(const char *root, struct bundle *ret, struct cause *why);

#endif
