/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_AUDIT_H
#define COCO_BROKER_STORE_AUDIT_H

#include "broker/store/checkpoint.h"

/*
 * The audit logs as text, one record of JSON a line, an instance after the other:
 *
 *	a checkpoint, when the chain begins with one		(broker/store/checkpoint.h)
 *	the lines of the chain in their order			(broker/store/audit-chain.h)
 *	{"instance":"a","fence":"NUMBER HEAD MARK"}
 *
 * The same text is verified from the store and from a file, where the store is not needed.
 */

/* @text is without a newline, and borrowed.  What it returns but 0 ends the walk. */
typedef int (*audit_text_t)(void *userdata, struct bytes text);

/*
 * Call @each for the records of @instance; NULL: of all of them.  What is written meanwhile may or
 * may not be there, but what is there is whole.
 * Returns 0; what @each returned; -ENOENT for an instance without any record; -EAGAIN when the
 * chain was trimmed meanwhile, too; an error of store_get().
 */
int audit_export(struct store *s, const char *instance, audit_text_t each, void *userdata,
		 struct cause *why);

/* The end of a chain: of an instance that never wrote it is 1, zeros and "". */
struct audit_end {
	uint64_t number;			/* of the batch to come */
	uint8_t head[AUDIT_HEAD_LEN];		/* before it */
	char fence[AUDIT_FENCE_LEN + 1];	/* "": none */
};

/*
 * Read the end of the chain of @instance, and check the last batch against the fence.
 * Returns 0; -EBADMSG when it is broken; -EAGAIN, too, when batches come all the time; an error of
 * store_get().
 */
int audit_find_end(struct store *s, const char *instance, struct audit_end *ret,
		   struct cause *why);

/*
 * True if the head before the batch @number was @head, by the first line that is left from there
 * on, or by @end when there is none.  Returns 1, 0 or an error of store_get().
 */
int audit_passes(struct store *s, const char *instance, const struct audit_end *end,
		 uint64_t number, const uint8_t head[static AUDIT_HEAD_LEN], struct cause *why);

/* What is known of a chain when its last record was read. */
struct audit_chain {
	char instance[AUDIT_INSTANCE_MAX + 1];
	uint64_t lines;
	uint64_t from;			/* the first batch that can be there: 1 unless trimmed */
	uint64_t next;			/* the batch to come; 0 without a fence */
	uint8_t head[AUDIT_HEAD_LEN];	/* at its end */
};

struct audit_check {
	const char *instance;		/* NULL: all */
	/*
	 * A head that the chains, or one of them, must go through: somebody noted it.  Without it
	 * nobody sees that the end was cut off, where no other instance saw it.  NULL: none.
	 */
	const uint8_t *expect;
	/*
	 * Checkpoints or notes that were kept elsewhere, their signatures verified: each is to be
	 * in the chain of its instance.
	 */
	const struct checkpoint *kept;
	size_t n_kept;
	const struct checkpoint_keys *keys;	/* NULL: then each checkpoint is a problem */
	void (*problem)(void *userdata, const char *instance, const char *text);
	void (*chain)(void *userdata, const struct audit_chain *c);	/* may be NULL */
	void *userdata;
};

/*
 * Verify the chains in the store, or in a file of exported records, which must be seekable.  Each
 * line must follow the one before; each head that an instance wrote down of another one, and each
 * fence, must be in that one's chain.  Of what was trimmed nothing can be told.
 *
 * Returns the number of problems that were told, 0 when all is good; an error of audit_export();
 * -EBADMSG for a file with a line that is too long, -ESPIPE when it is not seekable; -EMSGSIZE for
 * too many instances or heads.
 */
#define AUDIT_INSTANCES_MAX 1024
#define AUDIT_CLAIMS_MAX (1u << 20)
int audit_verify(struct store *s, const struct audit_check *check, struct cause *why);
int audit_verify_file(int fd, const struct audit_check *check, struct cause *why);

/*
 * Delete the lines of a chain before the checkpoint @text, which becomes its beginning.  The chain
 * must have that head there and be whole: what would tell of a change is not deleted.  The last
 * batch stays in any case.  After an error, or when the machine stops in between, the same call
 * deletes the rest.
 *
 * Returns 0; -EBADMSG for a malformed checkpoint; -EKEYREJECTED when none of @keys signed it, when
 * the chain has a later beginning or another head there, or is not whole; -ENOENT; an error of
 * store_commit().
 */
int audit_trim(struct store *s, struct bytes text, const struct checkpoint_keys *keys,
	       struct cause *why);

#endif
