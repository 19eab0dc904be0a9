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
 * looks at the clock.  A verdict rests only on what the caller handed over, so that anybody can
 * reach the same verdict again.
 */

/*
 * A kind of evidence.  To add a kind, write a file verify-NAME.c that ends in its row, and name
 * the row in verifiers.c.
 *
 * verify() judges @e as of @now (seconds since 1970) by @p.  It fills @v, which is fresh, and sets
 * authentic in it, or consistent for a part of evidence.  The caller has made sure that all @needs
 * are there and nothing besides @needs and @takes; the caller also concludes the verdict.
 * show() decodes what it can into claims, and does not judge; what cannot be decoded is a failed
 * check.  Both return 0 with @v filled, whatever the verdict is, or -ENOMEM.
 */
struct attest_verifier {
	const char *name;	/* of --type */
	const char *what;	/* for --help */
	unsigned needs;		/* EVIDENCE_BIT()s */
	unsigned takes;
	bool takes_certs, takes_crls;
	bool is_part;		/* no hardware vouches for it: never authentic, not for senders */
	bool opens_gate;	/* cocod's gate takes it: it has a nonce, and proves a whole VM */
	const struct policy_identity *identities;	/* the last has no names; NULL for none */
	const struct policy_kind *kinds[2];		/* whose policies judge it */
	/* Which of two @kinds @e is; NULL if there is only one. */
	const struct policy_kind *(*find_kind)(const struct evidence *e);
	int (*verify)(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		      int64_t now, struct verdict *v);
	int (*show)(const struct evidence *e, struct verdict *v);
	/*
	 * Find what judging @e needs and @e does not bring along, as needs_find_with() says.
	 * -ENOMSG if @e has no report or quote of this kind.  @problem has room for
	 * NEEDS_PROBLEM_LEN bytes.  NULL for a kind that needs nothing, or whose needs another row
	 * finds.
	 */
	int (*find_needs)(struct verifier *ctx, const struct evidence *e, const char *product,
			  struct needs *ret, char *problem);
};

/* All verifiers, ended by NULL. */
extern const struct attest_verifier *const attest_verifiers[];

/* The verifier @name, or NULL. */
const struct attest_verifier *attest_verifier_find(const char *name);

/*
 * Verify @e with @type, by the policy that @ps has for that kind of evidence.  This resets @v,
 * checks that all pieces are there, calls verify(), refuses the evidence if the policy asks for
 * something that was not judged, and concludes.
 * Returns 0 with a verdict, or -ENOMEM, and then @v says undecided.  If a piece is missing, the
 * verdict is undecided with code "MISSING".
 */
int attest_verify(struct verifier *ctx, const struct attest_verifier *type,
		  const struct evidence *e, const struct policies *ps, int64_t now,
		  struct verdict *v);

/*
 * The same by a clock that somebody else may have set, as a host sets its guest's clock.  It is
 * not believed if it is behind ATTEST_CLOCK_FLOOR, behind the newest date of issue that @ctx
 * remembers under a root that it trusts, or behind a date of issue that is verified on the way.
 * Then the evidence is judged as of the latest of these dates, and a skipped check "clock" says
 * so.
 */
int attest_verify_by_clock(struct verifier *ctx, const struct attest_verifier *type,
			   const struct evidence *e, const struct policies *ps, int64_t clock,
			   struct verdict *v);

/* The time to believe when the clock says @clock, as above.  @n may be NULL. */
int64_t attest_clock(int64_t clock, const struct newest *n, const struct trust *trust);

/* The date of this source, or of the package that was built from it.  It is later now. */
#define ATTEST_CLOCK_FLOOR COCO_SOURCE_DATE

#endif
