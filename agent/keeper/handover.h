/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_HANDOVER_H
#define COCO_AGENT_KEEPER_HANDOVER_H

#include "agent/keeper/delivery.h"

/*
 * The way of a secret's bytes to a consumer on a stream socket, from where they come from until
 * the peer has read them.  Each step has a deadline.
 */

/*
 * Choose the next origin of @e, from d->n_origin on, whose gate is open: the broker's own for a
 * secret of the broker's.  Returns false when there is none; with @ret_wait the gate of a launch
 * secret may open soon.
 */
bool handover_take_origin(struct delivery *d, const struct store_entry *e, bool *ret_wait);

/*
 * Hand d->entry over from d->origin: ask the broker where that is it, write the bytes, and wait
 * until the peer has taken them out of the socket.  Then d->kind->taken() goes on; or, if the
 * broker does not release the secret, d->kind->not_released(); or else the delivery ends as by
 * delivery_decline().
 */
void handover_begin(struct delivery *d);

/* The same once the broker has released @key, which is then the delivery's. */
void handover_give(struct delivery *d, struct secret *key);

#endif
