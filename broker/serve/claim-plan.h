/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_CLAIM_PLAN_H
#define COCO_BROKER_SERVE_CLAIM_PLAN_H

#include "broker/serve/service.h"

/*
 * Whether a secret that may not always go out may go out now, and what must change in the store
 * with that: the claim, the list of launches, the highest reset count of a vTPM, and an approval
 * that is used up.  Everything that was read is compared in the same transaction: if somebody was
 * faster, it is not committed, and must be planned anew.
 */
struct claim_plan {
	enum release_result result;	/* RELEASE_GOOD: it may go out with this transaction */
	const char *code;		/* otherwise: "RELEASED", ... */
	char why[256];			/* for the owner */
	char approval[DENIAL_ID_LEN];	/* if it is refused: what to approve, or "" */
	struct claim claim;		/* as it will be */
	bool again;			/* to the same launch and boot */
	bool approved;			/* somebody said yes */

	char keys[4][RECORD_KEY_LEN];	/* what the member borrows */
	char *texts[4];
};

/*
 * Plan the release of q->path under the mode @m, which is not RELEASE_ALWAYS.  @release is the id
 * of a new release.  Adds compares and changes to @member, which borrow from @ret.
 *
 * Returns 0 with a result; an error of store_get() or -EBADMSG for a record that is damaged, with
 * the cause in @why.  Pass @ret to claim_plan_done() in any case.
 */
int claim_plan(struct service *s, const struct release_request *q, const struct secret_mode *m,
	       const char *release, struct claim_plan *ret, struct store_member *member,
	       struct cause *why);
void claim_plan_done(struct claim_plan *p);

/*
 * The name of an approval: of this secret, for this launch.  Whoever asks again, with another key,
 * asks for the same one.  Returns 0 or -ENOMEM.
 */
int approval_name(const char *path, const uint8_t launch[static 32],
		  char ret[static DENIAL_ID_LEN]);

/*
 * How long a question waits for its answer, and an answer for the guest.  After that it counts for
 * nothing, whether the store has forgotten it or not; the store may take a minute more.
 */
#define APPROVAL_LIFE_SEC 86400
#define APPROVAL_LATE_SEC 60

#endif
