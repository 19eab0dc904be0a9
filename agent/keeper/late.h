/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_LATE_H
#define COCO_AGENT_KEEPER_LATE_H

#include "agent/keeper/delivery.h"

/*
 * Keys that come late.  A broker that cannot be reached, or whose owner has not told it of this
 * kernel yet, may release the key a minute later.  systemd-cryptsetup asks for a passphrase by
 * then, and asks for no key again.  So the broker is asked again each minute or so, as long as that
 * question waits for somebody, and a key that comes answers it, as a password agent does.
 *
 * In an initramfs without systemd the peer is cocod-key, which keeps its connection open while it
 * has askpass ask a person.
 */

/*
 * Let the peer of @d ask a person, and try again for as long as it asks: close the connection to
 * systemd-cryptsetup; send cocod-key LATE_SIGNAL, and call @give with the key, which is then its,
 * to write it to the connection as if it had come in time.
 *
 * @why is logged, with the reason of the first failure @error.  @d must have its entry and know its
 * peer, else it ends as by delivery_decline().
 */
void late_begin(struct delivery *d, unsigned error, const char *why,
		void (*give)(struct delivery *d, struct secret *key));

#define LATE_USEC (60 * USEC_PER_SEC)	/* the pause between two tries, more or less by a half */

#endif
