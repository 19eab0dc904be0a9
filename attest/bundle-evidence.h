/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_BUNDLE_EVIDENCE_H
#define COCO_ATTEST_BUNDLE_EVIDENCE_H

#include "attest/bundle.h"
#include "attest/verify.h"

/*
 * Add to @ret the items of @b that @type can use; @ret borrows their bytes.  What @ret has
 * already stays in front.  The verifier's own items come before the sender's.
 *
 * Returns 0; -EMSGSIZE if the verifier's own are more than EVIDENCE_OWN_MAX of a sort.
 */
int bundle_evidence(const struct bundle *b, const struct attest_verifier *type,
		    struct evidence *ret);

#endif
