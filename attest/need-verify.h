/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_NEED_VERIFY_H
#define COCO_ATTEST_NEED_VERIFY_H

#include "attest/needs.h"
#include "attest/newest.h"
#include "attest/trust.h"

/*
 * Verifying the files that evidence needs, one by one and before they are kept: each is signed
 * by whom it must be, up to a trusted root, in its time, and not older than what was verified
 * before.  In the order of struct needs, for the first ones are what the others are verified by.
 */
struct need_verifier;

/*
 * @e and @n are the evidence and what it needs; @newest, which may be NULL, is the memory.  All
 * stay the caller's, and must live as long.  The time is @clock, or later when attest_clock()
 * knows better.  Returns 0 or -ENOMEM.
 */
int need_verifier_new(const struct evidence *e, const struct needs *n, const struct trust *trust,
		      const struct newest *newest, int64_t clock, struct need_verifier **ret);
struct need_verifier *need_verifier_free(struct need_verifier *nv);
DEFINE_CLEANUP(struct need_verifier *, need_verifier_free)

struct need_result {
	char problem[NEEDS_PROBLEM_LEN];	/* why it is not to be kept; "" */
	bool older;				/* than what was verified before */
	int64_t until;				/* when it expires */
};

/*
 * Check the file @data of @need, with the @chain that came with it if it has one.  What passes is
 * at hand for those after it, and noted in @seen; the bytes must live as long as @nv.
 *
 * Returns 0; -EBADMSG, -EKEYREJECTED or -EKEYEXPIRED with the problem; -EMSGSIZE when @seen is
 * full; -ENOMEM.
 */
int need_verify(struct need_verifier *nv, const struct need *need, struct bytes data,
		struct bytes chain, struct newest *seen, struct need_result *ret);

#endif
