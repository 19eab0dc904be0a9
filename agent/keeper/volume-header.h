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

/*
 * The same for the JSON in the file @fd, which is what libcryptsetup has in memory.  @fd is
 * borrowed.  @done is as in struct worker_question, for volume_verdict_read(); @ret is yours.
 * Returns 0 or an error of worker_call_new().
 */
int volume_text_judge(struct loop *loop, int fd, const struct secret_policy *policy,
		      void (*done)(void *userdata, const void *reply, const char *why),
		      void *userdata, struct worker_call **ret);

/*
 * What cocod-worker answered, or why it did not.  Returns 0, or -EKEYREJECTED for a header that is
 * not good, -EIO or -EPROTO for one that is not known to be; @text is as above.
 */
int volume_verdict_read(const void *reply, const char *why, char *text, size_t size);

#endif
