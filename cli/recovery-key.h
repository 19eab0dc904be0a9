/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_RECOVERY_KEY_H
#define COCO_CLI_RECOVERY_KEY_H

#include "base/secret.h"

/*
 * A recovery passphrase as systemd-cryptenroll(1) makes them: 256 random bits as 64 letters that
 * are in the same place on most keyboards (modhex), in 8 groups with a dash between.  The dashes
 * belong to it; systemd adds them for a person who leaves them out.
 */
#define RECOVERY_KEY_LEN 71

/* Make one.  @ret is yours.  Returns 0, an errno of getrandom(2) or of secret_new(). */
int recovery_key_new(struct secret **ret);

#endif
