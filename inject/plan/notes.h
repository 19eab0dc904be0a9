/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_NOTES_H
#define COCO_INJECT_PLAN_NOTES_H

#include "base/macro.h"

/* Sentences for people: why there is no launch, or what to look out for. */

#define PLAN_NOTES_MAX 24
#define PLAN_NOTE_LEN 512	/* with its NUL */

struct plan_notes {
	char text[PLAN_NOTES_MAX][PLAN_NOTE_LEN];
	size_t n;
};

/*
 * Add a sentence without a full stop, cut to PLAN_NOTE_LEN.  When there is no room, the first ones
 * stay.
 */
void plan_note(struct plan_notes *notes, const char *format, ...) _printf_(2, 3);

#endif
