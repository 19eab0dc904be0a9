/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_REKEY_H
#define COCO_BROKER_REKEY_H

#include "broker/core/keys.h"
#include "broker/store/store.h"

/*
 * All that depends on the master key, from the old one to the new one: secrets are sealed anew, the
 * codes of records are made anew, sessions end.  What neither key made stays as it is, and is
 * refused as before.  The store has the mark STORE_REKEYING meanwhile, so that no broker works with
 * it; to be interrupted at any moment, and to be run again with the same keys.
 */
struct rekey_count {
	unsigned changed;		/* secrets and records that are now of the new key */
	unsigned already;		/* that were it before, by a run that was interrupted */
	unsigned foreign;		/* of neither key; the first were logged */
};

/*
 * Set the mark, and change all that is of @old; @old may be @new.  The mark stays.  Returns 0;
 * -EBUSY when somebody writes with the old key meanwhile; -ENOMEM; an error of the store.
 */
int rekey_store(struct store *s, const struct keys *old, const struct keys *new,
		struct rekey_count *ret, struct cause *why);

#endif
