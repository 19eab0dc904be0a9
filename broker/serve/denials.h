/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_DENIALS_H
#define COCO_BROKER_SERVE_DENIALS_H

#include <json-c/json.h>

#include "base/macro.h"

/*
 * The last refusals of this instance, in memory: a guest gets an opaque id, and its owner asks with
 * that id for the whole reason (`coco-broker why ID`).  Strangers can fill the ring, but nothing
 * else: refusals are not in the audit log.
 */
#define DENIALS_MAX 4096
#define DENIAL_ID_LEN 16		/* "7f3a-21c0" and NUL */

struct denials;

struct denial {
	char id[DENIAL_ID_LEN];
	int64_t at;
	char step[16];			/* "auth", "attest", "resource", "confirm" */
	char code[32];			/* "MEASUREMENT", "RELEASED" */
	char path[256];			/* of the secret, or "" */
	char peer[64];
	char tee[16];
	char chip[160], measurement[132];
	char reason[512];		/* for the owner, printable */
};

int denials_new(struct denials **ret);
struct denials *denials_free(struct denials *d);
DEFINE_CLEANUP(struct denials *, denials_free)

/* Note a refusal; all but id and at are set.  The same refusal again gets a new id.  @ret_id. */
void denials_note(struct denials *d, const struct denial *what, char ret_id[static DENIAL_ID_LEN]);

/* The same under the id that @what has; the last one with that id is found. */
void denials_note_as(struct denials *d, const struct denial *what);

/* Returns 0 with @ret, or -ENOENT. */
int denials_find(struct denials *d, const char *id, struct denial *ret);

/* All, the newest first, at most @max.  @each returns 0 to go on. */
void denials_walk(struct denials *d, unsigned max,
		  int (*each)(void *userdata, const struct denial *d), void *userdata);

#endif
