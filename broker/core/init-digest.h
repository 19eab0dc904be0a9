/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_INIT_DIGEST_H
#define COCO_BROKER_CORE_INIT_DIGEST_H

#include "attest/bundle.h"
#include "base/cause.h"
#include "broker/core/challenge.h"
#include "broker/core/launch.h"

/*
 * Init data that a guest sends along: a TOML document, version 0.1.0, whose "algorithm" says how
 * it is hashed.  Authentic evidence must name that hash, or whoever sent it made the document up:
 *
 *	SNP	HOST_DATA, 32 bytes
 *	TDX	MRCONFIGID, 48 bytes
 *	Azure	PCR 8 is SHA-256(32 zeros | hash), and the algorithm is sha256
 *
 * A hash that is too long is cut to that size, and one that is too short has zeros behind it.
 *
 * @launch and @b are of evidence that was judged to be authentic.
 * Returns 0; -EKEYREJECTED when the evidence does not name it; -EBADMSG when it is malformed;
 * -EOPNOTSUPP for another version or algorithm; -ENOMEM.  The reason is in @why.
 */
int init_data_check(const char *text, size_t len, enum broker_tee tee, const struct launch *launch,
		    const struct bundle *b, struct cause *why);

#endif
