/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_BUNDLE_EVIDENCE_H
#define COCO_ATTEST_BUNDLE_EVIDENCE_H

#include "attest/bundle.h"
#include "attest/verify.h"

/*
 * Point @ret at those items of @b that @type can make use of.  Pieces that @ret has already
 * stay; certificates and revocation lists are added behind those there are, as many as it
 * takes: a chain that is incomplete for it is the verifier's to see.
 */
void bundle_evidence(const struct bundle *b, const struct attest_verifier *type,
		     struct evidence *ret);

#endif
