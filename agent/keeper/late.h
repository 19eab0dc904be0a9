/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_LATE_H
#define COCO_AGENT_KEEPER_LATE_H

#include "agent/keeper/delivery.h"

/*
 * Keys that come late.  A broker that cannot be reached, or whose owner has not told it of this
 * kernel yet, may release the key a minute later.  systemd-cryptsetup asks for a passphrase by
 * then, and asks for no key again.  So the broker is asked again each minute or so, as long as that
 * question waits for somebody, and a key that comes answers it, as a password agent does.  Not in
 * an initramfs without systemd, where nobody can be answered in this way.
 */

/*
 * Close the connection of @d, so that its systemd-cryptsetup goes on without a key, and try again
 * for as long as it asks.  @why is logged, with the reason of the first failure @error.  @d must
 * have its entry and know its peer, else it ends as by delivery_decline(), and so it does with
 * cocod-key.
 */
void late_begin(struct delivery *d, unsigned error, const char *why);

#define LATE_USEC (60 * USEC_PER_SEC)	/* the pause between two tries, more or less by a half */

#endif
