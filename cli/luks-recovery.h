/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_LUKS_RECOVERY_H
#define COCO_CLI_LUKS_RECOVERY_H

#include "cli/luks-volume.h"

/*
 * Add a recovery passphrase to the volume, and show it on @tty.  @unlock opens another keyslot.
 * Whenever this is killed, a passphrase that was shown opens the volume, and the volume says what
 * was not finished (luks_recovery_mend()).
 *
 * Returns its keyslot; -EIO, -ENOSPC or -ENOMEM with the cause, and then the volume has no such
 * keyslot, unless it could not be removed either.
 */
int luks_recovery_make(struct luks_volume *v, struct luks_key unlock, int tty, struct cause *c);

/*
 * Mend what others left who were killed in luks_recovery_make(), as @v was when it was opened.
 * Nobody knows whether such a passphrase was shown: its keyslot is removed only if @replaced, when
 * another one has been shown.  Says what is removed, and what stays, of @device.
 *
 * Returns 0, or -EIO with the cause.
 */
int luks_recovery_mend(struct luks_volume *v, const char *device, bool replaced, struct cause *c);

#endif
