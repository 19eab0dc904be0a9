/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_BUNDLE_EVIDENCE_H
#define COCO_ATTEST_BUNDLE_EVIDENCE_H

#include "attest/bundle.h"
#include "attest/verify.h"

/*
 * Point @ret at those items of @b that @type can make use of.  What @ret has already stays;
 * collateral, certificates and revocation lists are added behind it, the verifier's own before
 * the sender's.
 *
 * Returns 0; -EMSGSIZE when the verifier's own are more than EVIDENCE_OWN_MAX of a sort.
 */
int bundle_evidence(const struct bundle *b, const struct attest_verifier *type, struct evidence *ret);

#endif
