/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_REPEAT_H
#define COCO_AGENT_KEEPER_REPEAT_H

#include "base/macro.h"

/*
 * Deliveries to a consumer that has had the secret before in this boot.  A container may ask a
 * million times; its journal should have room for what others say.  So the first ones are logged
 * like any other, and then their number, whenever it has doubled.  The first delivery of a secret
 * to a consumer never comes here.
 */
#define REPEAT_FULL 100u

struct repeats {
	uint64_t n, n_said;
};

enum repeat_say {
	REPEAT_IN_FULL,
	REPEAT_NUMBER,		/* of all so far */
	REPEAT_NOTHING,
};

/* Count another one.  Returns what is to be logged of it. */
enum repeat_say repeat_note(struct repeats *r);

/* True if what leads to another one is not logged any more. */
bool repeat_is_quiet(const struct repeats *r);

#endif
