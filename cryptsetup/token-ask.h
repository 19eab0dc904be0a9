/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTSETUP_TOKEN_ASK_H
#define COCO_CRYPTSETUP_TOKEN_ASK_H

#include "base/secret.h"

/* What to ask cocod for; all of it is borrowed. */
struct token_question {
	const char *socket;	/* COCOD_SOCKET */
	const char *secret;	/* the name, which is valid */
	const char *header;	/* the JSON of the LUKS2 header, as libcryptsetup has it */
	uint64_t timeout_usec;	/* for all of it */
};

#define TOKEN_WHY_LEN 640

/*
 * Have cocod judge the header, and give the key.  Waits while cocod cannot say yet whether it gives
 * secrets away.  @ret is yours, and has at least one byte.
 *
 * Returns 0; or a negative errno with the reason for people in @why: -EAGAIN if that may be over
 * later (nobody listens, or no answer in time), -ENOENT if there is no key for this volume; an
 * errno of this process (-ENOMEM, -EMFILE, ...).
 */
int token_ask(const struct token_question *q, struct secret **ret,
	      char why[static TOKEN_WHY_LEN]);

#endif
