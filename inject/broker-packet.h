/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_BROKER_PACKET_H
#define COCO_INJECT_BROKER_PACKET_H

#include "inject/input.h"
#include "sev/measurement.h"

/*
 * The packet of a launch whose secrets a coco-broker has: it judges the launch by the policy of
 * each, and encrypts them.  The launch must have been checked here before.
 */
struct broker_launch {
	const struct secret *tek, *tik;
	struct measured measured;
	uint8_t digest[SHA256_LEN];
	uint8_t blob[SEV_MEASURE_LEN + SEV_NONCE_LEN];	/* the measure, then the nonce */
	size_t room;					/* for the table, in bytes */
};

/*
 * Ask the broker at --broker for the secrets of --secret.  @ret is yours, for packet_done().
 *
 * Returns 0; -EINVAL for a --secret that is none; -EKEYREJECTED when the broker refuses, with its
 * reason; -ENOSPC when the secrets do not fit; -ENODATA when it does not answer, or can be asked
 * again; -EBADMSG when what it sends is no packet; -ENOMEM; -EIO.
 */
int broker_packet(const struct args *a, const struct broker_launch *l, struct packet *ret,
		  struct cause *why);

/*
 * Ask whether the policies of the secrets would allow it.  Nothing is released, and how often they
 * were is not looked at.  Returns as above.
 */
int broker_check(const struct args *a, const struct broker_launch *l, struct cause *why);

#endif
