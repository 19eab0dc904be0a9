/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_OUTCOME_H
#define COCO_AGENT_KEEPER_OUTCOME_H

#include "agent/keeper/delivery.h"

/*
 * Did the key open the volume?  It did when the peer has ended, the volume is open, and nobody was
 * asked for a passphrase meanwhile.  After a restart of cocod, cryptsetup_resume() (keeper.h) takes
 * up the deliveries whose outcome is not known.
 */

/* Note @outcome in the journal. */
void outcome_note(struct delivery *d, enum delivery_outcome outcome);

/* Something else may have opened the volume, for the reason @why: the first reason counts. */
void outcome_suspect(struct delivery *d, const char *why);

/*
 * Watch the questions for passphrases.  Call before the key goes out, so that no question is
 * missed.  If that fails, the mark of the directory must do.
 */
void outcome_watch_questions(struct delivery *d);

/*
 * Note that the key is about to go out to the peer: from here on it may open the volume.  What
 * the peer asks from now on is watched.  Returns 0, also when the journal cannot be written, or
 * -ENOMEM.
 */
int outcome_offer(struct delivery *d);

/*
 * The same as outcome_await(), for a peer that has asked for a passphrase already: its end is
 * waited for.
 */
void outcome_await_exit(struct delivery *d);

/* Wait for the outcome, note it, and free @d. */
void outcome_await(struct delivery *d);

#endif
