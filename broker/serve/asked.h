/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_ASKED_H
#define COCO_BROKER_SERVE_ASKED_H

#include "base/cause.h"
#include "broker/core/message.h"
#include "broker/core/challenge.h"

/*
 * What was asked for, so that a policy that is to come can be judged by it ('coco-broker policy
 * test'): the evidence with which a launch got a secret, or was refused it by its policy.  There is
 * nothing secret in it.  It lies beside the anchor, in a store of its own, and is this instance's.
 *
 * It is bounded, and what is refused pushes out nothing that was released: strangers can fill the
 * one, but not the other.  A launch is there once for each secret, as it asked last.
 */
#define ASKED_RELEASED_BYTES (64 * 1024 * 1024)
#define ASKED_REFUSED_BYTES (16 * 1024 * 1024)
#define ASKED_MAX 16384			/* of each of the two */

struct asked {
	int64_t at;			/* seconds since 1970 */
	enum broker_tee tee;
	bool released, has_launch;
	uint8_t launch[32];
	char code[32];			/* of the refusal; "OK" */
	char path[BROKER_PATH_LEN];
	const uint8_t *evidence;	/* a pack (wire/bundle.h); borrowed */
	size_t evidence_len;
	/* what tells it from others where the launch is not known; not kept */
	uint8_t other[32];
};

/*
 * One of them as bytes, numbers big-endian:
 *
 *	version u8 (1) | released u8 | tee u8 | has launch u8 | at u64 | launch[32] |
 *	length u8, code | length u16, path | evidence
 *
 * asked_format() returns 0 with @ret, which is yours, or -ENOMEM.  asked_parse() returns 0 or
 * -EBADMSG; the evidence is part of @data.
 */
int asked_format(const struct asked *a, uint8_t **ret, size_t *ret_len);
int asked_parse(const uint8_t *data, size_t len, struct asked *ret);

struct asked_log;

/*
 * Open the record at @path, a file, or begin it.  One that is damaged is removed and begun anew.
 * @ret is yours.  Returns 0, or an error of store_open(); then there is no file, so that nobody
 * takes an old one for all that was asked.
 */
int asked_log_new(const char *path, struct asked_log **ret, struct cause *why);
struct asked_log *asked_log_free(struct asked_log *l);
DEFINE_CLEANUP(struct asked_log *, asked_log_free)

/*
 * Note @a, all of which but the time is set; it is copied.  Nobody waits for the disk, so that what
 * comes faster than that writes is not kept, and asked_log_since() says so.  @l may be NULL.
 */
void asked_log_note(struct asked_log *l, const struct asked *a);

/*
 * Call @each for what was asked of the secret @path at @since or later, and released or not, in the
 * order of time.  All that was noted before this call is there.  It ends when @each returns
 * anything but 0.  Returns what @each returned last, or 0; -EBADMSG when the record is damaged; an
 * error of store_get().
 */
int asked_log_walk(struct asked_log *l, bool released, const char *path, int64_t since,
		   int (*each)(void *userdata, const struct asked *a), void *userdata,
		   struct cause *why);

/* From when on all is there. */
int64_t asked_log_since(struct asked_log *l, bool released);

#endif
