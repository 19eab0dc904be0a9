/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_PLACE_CALL_H
#define COCO_AGENT_KEEPER_PLACE_CALL_H

#include "agent/loop.h"
#include "base/secret.h"
#include "wire/msg.h"

/*
 * One order to cocod-place, and its answer.  All waiting is done in the event loop.
 *
 * To put: prepare -> the bytes, as cocod-place asks for them -> prepared -> commit -> done.
 * To remove: remove -> done.
 */
struct place_call;

/* How far it came.  An error before PLACE_SENT has changed nothing. */
enum place_stage {
	PLACE_UNSENT,
	PLACE_SENT,		/* what it was to replace may be gone */
	PLACE_COMMITTED,	/* it may be there */
};

struct place_question {
	struct loop *loop;
	const char *path;		/* cocod-place's socket */
	struct place_order order;
	const struct secret *bytes;	/* borrowed until the call is over; NULL to remove */
	/*
	 * Nobody sees it yet; @id is the key's serial number.  Returns 0 to go on; otherwise done()
	 * is not called any more: the caller frees the call, and nothing is left of it.
	 */
	int (*prepared)(void *userdata, uint32_t id);
	/*
	 * Called once, from the loop; the call may be freed then.  @error is 0, or a negative
	 * errno, and then @why says why.
	 */
	void (*done)(void *userdata, int error, enum place_stage stage, const char *why);
	void *userdata;
};

/*
 * @ret is yours; free it before or after it is done.  Returns 0 or -ENOMEM; all else is said by
 * done().
 */
int place_call_new(const struct place_question *q, struct place_call **ret);
struct place_call *place_call_free(struct place_call *c);
DEFINE_CLEANUP(struct place_call *, place_call_free)

#endif
