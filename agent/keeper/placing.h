/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_PLACING_H
#define COCO_AGENT_KEEPER_PLACING_H

#include "agent/keeper/keeper.h"

/*
 * Secrets that are put into a keyring or a file, and removed from there.
 *
 *	asked for -> noted as offered -> prepared: noted, with the key's serial number -> it is
 *	  there: delivered -> the secret is wiped, or not wanted there any more -> removed
 *
 * The journal has each that is there, and each that may be: after a restart of cocod in the middle
 * it is removed.  What cannot be removed is tried again and again, and status warns of it.
 */
struct placing;

struct placing_question {
	struct store_entry *entry;
	enum place_kind kind;
	/* both are the placing's in any case; @fetch may be NULL, and is confirmed after success */
	struct secret *bytes;
	struct fetch *fetch;
	/*
	 * Called once, from the loop: @error is 0, and @text says where it is; or a negative
	 * errno, and @text says why not.
	 */
	void (*done)(void *userdata, int error, const char *text);
	void *userdata;
};

/*
 * Put q->entry there.  What is there already is replaced.
 *
 * Returns 0; -EBUSY when it is being put there or removed already; -EIO when the journal cannot be
 * written; -ENOMEM.  Then q->done is not called.
 */
int placing_put(struct keeper *k, const struct placing_question *q);

/* The caller of placing_put() with that @userdata is gone. */
void placing_forget(struct keeper *k, const void *userdata);

/* Remove @e from all places of that kind.  Returns 0 or -ENOMEM. */
int placing_withdraw(struct keeper *k, struct store_entry *e, enum place_kind kind);

/* True while @e, or with NULL any secret, is being put somewhere or removed. */
bool placing_is_busy(const struct keeper *k, const struct store_entry *e);

/* True if @e, or with NULL any secret, could not be removed; another attempt is made later. */
bool placing_has_failed(const struct keeper *k, const struct store_entry *e);

/* End all, before cocod ends: the next cocod goes on. */
void placings_stop(struct keeper *k);

/* client-place.c: something has come to its end. */
void clients_placing_ended(struct keeper *k);

#endif
