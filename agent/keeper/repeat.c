/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/repeat.h"

enum repeat_say repeat_note(struct repeats *r)
{
	r->n++;
	if (r->n > REPEAT_FULL && r->n / 2 < r->n_said)
		return REPEAT_NOTHING;
	r->n_said = r->n;
	return r->n > REPEAT_FULL ? REPEAT_NUMBER : REPEAT_IN_FULL;
}

bool repeat_is_quiet(const struct repeats *r)
{
	return r->n >= REPEAT_FULL;
}
