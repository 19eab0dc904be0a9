/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_VERIFIER_H
#define COCO_ATTEST_VERIFIER_H

#include "attest/verdict.h"

struct newest;
struct newest_entry;
struct trust;

/*
 * What lasts from one verification to the next: the trust anchors, and what was verified under
 * them.  Certificate chains and collateral that come again need not be verified again.  Only one
 * thread at a time may use a verifier.
 */
struct verifier;

/* @trust is copied; NULL means the built-in trust anchors.  Returns 0 or -ENOMEM. */
int verifier_new(const struct trust *trust, struct verifier **ret);
struct verifier *verifier_free(struct verifier *ctx);
DEFINE_CLEANUP(struct verifier *, verifier_free)
const struct trust *verifier_trust(const struct verifier *ctx);

/*
 * Refuse collateral that is older than @n remembers.  @n stays the caller's and must live as long
 * as @ctx; NULL means that nothing is remembered.  Call this before anything is verified.
 */
void verifier_set_newest(struct verifier *ctx, const struct newest *n);
const struct newest *verifier_newest(const struct verifier *ctx);

/*
 * For verifiers: note a date of issue whose signature was verified.  It cannot be earlier now,
 * whatever the clock says.
 */
void verifier_saw(struct verifier *ctx, int64_t issued);

/* Begin with other evidence: forget the dates that verifier_saw() noted. */
void verifier_begin(struct verifier *ctx);

/* The latest date that verifier_saw() noted for this evidence, or INT64_MIN. */
int64_t verifier_latest(const struct verifier *ctx);

/*
 * Check that @e is not older than what is remembered; @name is the name of the check.
 * Returns 0, or what verdict_fail() gave, with code OLDER.
 */
int verifier_check_newest(struct verifier *ctx, const struct newest_entry *e, const char *name,
			  struct verdict *v);

#define MEMO_KEY_LEN 32

/*
 * The rooms of the memo.  Authorities and what they issue are few, and come again with evidence of
 * everybody.  What is a device's comes again with its own next evidence; there are so many of them
 * that they would push out the authorities.
 */
enum memo_room { MEMO_AUTHORITIES, MEMO_DEVICES, _MEMO_ROOM_MAX };

#define MEMO_AUTHORITIES_MAX 64
#define MEMO_DEVICES_MAX 256

/*
 * The key of an object that was made of @n pieces of bytes: SHA-256 over @kind and over each piece
 * with its length.  @kind is a name that only objects of this sort have: "snp-cert".
 * Returns 0 or -ENOMEM.
 */
int memo_key(const char *kind, const struct bytes *pieces, size_t n,
	     uint8_t ret[static MEMO_KEY_LEN]);

struct memo {
	void *object;
	void (*release)(void *object);
	int64_t not_before, not_after;
};

/*
 * The memo: objects under a memo_key() of all that they were made of.  An object is found only
 * for a time from its @not_before to its @not_after.  verifier_recall() lends an object of any room
 * until the next verifier_remember(), or returns NULL.  verifier_remember() takes @m's object and
 * will free it with @m's release(), in MEMO_DEVICES at once if memory is short.  When a room is
 * full, the oldest in it goes.  Remember only what was verified up to a trust anchor.
 */
void *verifier_recall(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], int64_t now);
void verifier_remember(struct verifier *ctx, enum memo_room room,
		       const uint8_t key[static MEMO_KEY_LEN], const struct memo *m);

#endif
