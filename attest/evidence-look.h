/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_EVIDENCE_LOOK_H
#define COCO_ATTEST_EVIDENCE_LOOK_H

#include "attest/verdict.h"

/*
 * What @data begin like, for people who hand over one kind of evidence as another: "a TDX quote",
 * "a certificate in DER"; constant.  NULL when it is nothing that is known.  Only what tells the
 * kinds apart is looked at: it may be damaged all the same.
 */
const char *evidence_look(struct bytes data);

/* @found, which says why @data cannot be read, and what they begin like, when that is known.  It is @v's, or @found. */
const char *evidence_found(struct verdict *v, struct bytes data, const char *found);

#endif
