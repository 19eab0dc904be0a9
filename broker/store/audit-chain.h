/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_AUDIT_CHAIN_H
#define COCO_BROKER_STORE_AUDIT_CHAIN_H

#include <openssl/evp.h>

#include "base/cause.h"
#include "broker/store/store.h"
#include "wire/bytes.h"

/*
 * The audit log is a chain for each instance.  A batch has a number, from 1 on, and its lines have
 * the keys
 *
 *	coco/audit/INSTANCE/NUMBER.INDEX	(16 and 4 hexadecimal digits)
 *
 * A line is a JSON object.  It has "instance", "batch", "index", "at" (milliseconds since 1970) and
 * "prev": the head of the chain before its batch.  The head after a batch is
 *
 *	SHA-256("coco audit 1" | head before | number u64 | for each line that is there,
 *		in the order of its index: index u32 | SHA-256 of its bytes)
 *
 * numbers big-endian, the label with its NUL; the first head is zeros.  A batch without lines does
 * not change the head.
 *
 * The fence of the instance, coco/instance/INSTANCE, is "NUMBER HEAD MARK": the number of the batch
 * to come (16 hexadecimal digits), the head before the last batch (64), and 16 random digits of the
 * last batch.  The head after the last batch is not known when the fence is written with it; its
 * lines tell.
 *
 * At most once a minute the first line of a batch has "heads" too: for other instances the text
 * "NUMBER HEAD" from the fence of each.  So nobody can cut off the end of another instance's chain
 * unnoticed.
 */
#define AUDIT_HEAD_LEN 32
#define AUDIT_GIVEN_MAX (16 * 1024)	/* bytes of a line as its writer is given it */
#define AUDIT_HEADS_MAX 32		/* instances in "heads" */
#define AUDIT_LINE_MAX (AUDIT_GIVEN_MAX + 512 + AUDIT_HEADS_MAX * 160)
#define AUDIT_INSTANCE_MAX 63
#define AUDIT_PREFIX "coco/audit/"
#define AUDIT_FENCES "coco/instance/"
#define AUDIT_KEY_LEN 128

/* 1 to AUDIT_INSTANCE_MAX letters, digits, '-' and '.'. */
bool audit_instance_is_valid(const char *name);

/* The keys of a line, of all lines of a batch, of all lines of an instance, and of its fence. */
void audit_key_line(const char *instance, uint64_t number, unsigned index,
		    char ret[static AUDIT_KEY_LEN]);
void audit_key_batch(const char *instance, uint64_t number, char ret[static AUDIT_KEY_LEN]);
void audit_key_instance(const char *instance, char ret[static AUDIT_KEY_LEN]);
void audit_key_fence(const char *instance, char ret[static AUDIT_KEY_LEN]);

/* Read a line's key.  Returns 0, or -EBADMSG when it is none of the valid @instance. */
int audit_key_read(const char *key, const char *instance, uint64_t *ret_number,
		   unsigned *ret_index);

struct audit_fence {
	uint64_t number;
	uint8_t before[AUDIT_HEAD_LEN];
	uint8_t mark[8];
};

#define AUDIT_FENCE_LEN (16 + 1 + 2 * AUDIT_HEAD_LEN + 1 + 16)
void audit_fence_format(const struct audit_fence *f, char ret[static AUDIT_FENCE_LEN + 1]);

/* Returns 0, or -EBADMSG for a text of another form, or of a number below 2. */
int audit_fence_read(const void *text, size_t len, struct audit_fence *ret);

/* ---- a line ---- */

struct audit_line {
	char instance[AUDIT_INSTANCE_MAX + 1];
	uint64_t batch, at;
	uint64_t index;
	uint8_t prev[AUDIT_HEAD_LEN];
	struct bytes heads;	/* an object of JSON; p NULL if there is none */
};

/*
 * Read what the chain knows of a line.  Returns 0; -EBADMSG when it is not such an object;
 * -EMSGSIZE over AUDIT_LINE_MAX bytes.
 */
int audit_line_read(struct bytes text, struct audit_line *ret);

/*
 * Walk "heads".  @it begins as line->heads.  Returns 1 with another instance, 0 at the end, or
 * -EBADMSG.
 */
int audit_heads_next(struct bytes *it, char ret_instance[static AUDIT_INSTANCE_MAX + 1],
		     uint64_t *ret_number, uint8_t ret_before[static AUDIT_HEAD_LEN]);

/* True if @text, which passed jspan_check(), has a member that only the chain may write. */
bool audit_line_is_taken(struct bytes text);

/* ---- the head ---- */

struct audit_hash {
	EVP_MD_CTX *c;		/* made by audit_hash_init() */
	uint8_t before[AUDIT_HEAD_LEN];
	unsigned n;		/* lines so far */
};

/* Each returns 0 or -ENOMEM. */
int audit_hash_init(struct audit_hash *h);
void audit_hash_done(struct audit_hash *h);
int audit_hash_begin(struct audit_hash *h, const uint8_t before[static AUDIT_HEAD_LEN],
		     uint64_t number);
int audit_hash_line(struct audit_hash *h, unsigned index, struct bytes text);
int audit_hash_end(struct audit_hash *h, uint8_t ret[static AUDIT_HEAD_LEN]);

#endif
