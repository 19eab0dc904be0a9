/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_VERIFY_H
#define COCO_ATTEST_VERIFY_H

#include "attest/evidence.h"
#include "attest/verdict.h"
#include "attest/verifier.h"

struct needs;
struct newest;
struct policies;
struct policy;
struct policy_identity;
struct policy_kind;
struct trust;

/*
 * Verifying evidence: bytes in, a verdict out.  Nothing here opens a file, asks the network or
 * looks at the clock: what a verdict rests on is what the caller handed over, so that it can be
 * had again anywhere.
 */

/*
 * One kind of evidence.  To add one: a file verify-NAME.c that ends in its row, and the row in
 * verifiers.c.
 *
 * verify() judges @e as of @now (seconds since 1970) by @p into @v, which is fresh, and sets
 * authentic in it, or consistent for a part.  The caller has seen to it that all @needs are there and
 * nothing outside @needs and @takes is, and concludes.  show() decodes into claims what
 * it can, without judging; what cannot be decoded becomes a failed check.  Both return 0 with
 * @v filled, whatever it says; -ENOMEM when there is no verdict.
 */
struct attest_verifier {
	const char *name;	/* of --type */
	const char *what;	/* for --help */
	unsigned needs;		/* EVIDENCE_BIT()s */
	unsigned takes;
	bool takes_certs, takes_crls;
	bool is_part;		/* no hardware vouches for it: never authentic, and no kind that a sender may name */
	bool opens_gate;	/* cocod's gate takes it: it can be over a nonce, and a whole VM is behind it */
	const struct policy_identity *identities;	/* the last has no names; NULL for none */
	const struct policy_kind *kinds[2];		/* whose policies it is judged by; one, or those of find_kind() */
	const struct policy_kind *(*find_kind)(const struct evidence *e);	/* when the evidence says which; may be NULL */
	int (*verify)(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		      int64_t now, struct verdict *v);
	int (*show)(const struct evidence *e, struct verdict *v);
	/*
	 * What @e is judged by and does not bring along, as needs_find() says; -ENOMSG when @e has no
	 * report or quote of this kind.  @problem has room for NEEDS_PROBLEM_LEN bytes.  NULL for a kind that needs nothing, or that another row finds.
	 */
	int (*find_needs)(const struct evidence *e, const char *product, struct needs *ret,
			  char *problem);
};

/* All there are; the last is NULL. */
extern const struct attest_verifier *const attest_verifiers[];

/* By its name, NULL when there is none. */
const struct attest_verifier *attest_verifier_find(const char *name);

/*
 * Verify with @type by the policy that @ps has for that kind of evidence: looks after the pieces,
 * resets @v, notes trust and time in it, calls verify(), refuses what the policy asks and verify()
 * did not look at, and concludes.
 * Returns 0 with a verdict (a missing piece is undecided, code "MISSING"), or -ENOMEM: then @v
 * says undecided.
 */
int attest_verify(struct verifier *ctx, const struct attest_verifier *type,
		  const struct evidence *e, const struct policies *ps, int64_t now, struct verdict *v);

/*
 * The same as of a clock that somebody else may set, as a host sets its guest's.  It is not
 * believed when it says less than ATTEST_CLOCK_FLOOR, than the newest date of issue that @ctx
 * remembers under a root that it trusts, or than one that is verified on the way: then evidence is
 * judged as of the latest of them, and a skipped check "clock" says so.
 */
int attest_verify_by_clock(struct verifier *ctx, const struct attest_verifier *type,
			   const struct evidence *e, const struct policies *ps, int64_t clock,
			   struct verdict *v);

/* What a clock that says @clock is good for, as above; @n may be NULL. */
int64_t attest_clock(int64_t clock, const struct newest *n, const struct trust *trust);

/* The date of this source, or of the package that was built from it: it is later. */
#define ATTEST_CLOCK_FLOOR COCO_SOURCE_DATE

#endif
