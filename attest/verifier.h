/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_VERIFIER_H
#define COCO_ATTEST_VERIFIER_H

#include "attest/verdict.h"

struct newest;
struct newest_entry;
struct trust;

/*
 * What lasts from one verification to the next: the trust set, and what was verified under it,
 * so that a chain of certificates or collateral that comes again is not verified again.  One
 * thread at a time may use it.
 */
struct verifier;

/* @trust is copied, NULL means the built-in roots.  Returns 0 or -ENOMEM. */
int verifier_new(const struct trust *trust, struct verifier **ret);
struct verifier *verifier_free(struct verifier *ctx);
DEFINE_CLEANUP(struct verifier *, verifier_free)
const struct trust *verifier_trust(const struct verifier *ctx);

/*
 * Have what is older than @n remembers refused.  @n stays the caller's and must live as long as
 * @ctx; NULL for no memory.  To be called before anything is verified.
 */
void verifier_set_newest(struct verifier *ctx, const struct newest *n);
const struct newest *verifier_newest(const struct verifier *ctx);

/*
 * For verifiers: a signature over a date of issue was verified.  It is a lower bound of the
 * time, whatever the clock says.
 */
void verifier_saw(struct verifier *ctx, int64_t issued);

/* Begin with other evidence: nothing was seen of it. */
void verifier_begin(struct verifier *ctx);

/* The latest of them for the evidence at hand; INT64_MIN for none. */
int64_t verifier_latest(const struct verifier *ctx);

/* Check as @name that @e is not older than what is remembered: 0, or verdict_fail() with code OLDER. */
int verifier_check_newest(struct verifier *ctx, const struct newest_entry *e, const char *name,
			  struct verdict *v);

#define MEMO_KEY_LEN 32
#define MEMO_MAX 64

/*
 * The key of something of @kind ("snp-cert", a name that no other sort of object has) that was
 * made of @n pieces of bytes: SHA-256 over the kind and each piece with its length.  Returns 0
 * or -ENOMEM.
 */
int memo_key(const char *kind, const struct bytes *pieces, size_t n,
	     uint8_t ret[static MEMO_KEY_LEN]);

/*
 * The memo: objects under a memo_key() of all that they were made of, good from @not_before to
 * @not_after only.  verifier_recall() gives a borrowed object, good until the next
 * verifier_remember(), or NULL.  verifier_remember() takes @object, and frees it with @release;
 * the oldest goes when MEMO_MAX are there.  Remember only what was verified to the pinned root.
 */
void *verifier_recall(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], int64_t now);
void verifier_remember(struct verifier *ctx, const uint8_t key[static MEMO_KEY_LEN], void *object,
		       void (*release)(void *object), int64_t not_before, int64_t not_after);

#endif
