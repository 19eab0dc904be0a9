/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_EVIDENCE_LOOK_H
#define COCO_ATTEST_EVIDENCE_LOOK_H

#include "attest/verdict.h"

/*
 * What @data begins like, for people who take one kind of evidence for another: a literal such as
 * "a TDX quote", or NULL if nothing is recognized.  Only what tells the kinds apart is looked at;
 * @data may be damaged all the same.
 */
const char *evidence_look(struct bytes data);

/*
 * Add to @found, which says why @data cannot be read, what @data begins like.  The text is @v's,
 * or @found itself if nothing is recognized.
 */
const char *evidence_found(struct verdict *v, struct bytes data, const char *found);

#endif
