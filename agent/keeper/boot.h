/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_BOOT_H
#define COCO_AGENT_KEEPER_BOOT_H

#include "base/cause.h"
#include "wire/broker.h"

/*
 * 32 random bytes that stand for this boot of this kernel, in the file "boot" of @folder, which is
 * /run/cocod.  They are made at the first question and survive a restart of cocod and the switch
 * from the initrd to the system.  After kexec there are others.  A broker that releases a secret
 * once tells by them whether the same kernel asks again.
 *
 * Returns 0; -EBADMSG when the file has something else; an errno of reading or writing it, or of
 * getrandom(2).  @why has the cause.
 */
int boot_read(const char *folder, uint8_t ret[static BROKER_BOOT_LEN], struct cause *why);

#endif
