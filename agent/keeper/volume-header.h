/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_VOLUME_HEADER_H
#define COCO_AGENT_KEEPER_VOLUME_HEADER_H

#include "agent/keeper/delivery.h"

/*
 * The LUKS header of a delivery's volume, which cocod-worker judges: the one on the device, or in
 * the file that header= names.  Of the one on the device it is not certain that it is what
 * systemd-cryptsetup reads; see cocod-header(8).
 */

/*
 * Have it judged.  With @any_token tokens of all types are good; otherwise those that the policy of
 * the secret allows, if @d has one.  @done is called once, perhaps at once, unless @d is freed
 * before; then @error is 0, with what it is in @text, or a negative errno, with why it is not good
 * or not known to be.  It may free @d.
 */
void volume_header_judge(struct delivery *d, bool any_token,
			 void (*done)(struct delivery *d, int error, const char *text));

#endif
