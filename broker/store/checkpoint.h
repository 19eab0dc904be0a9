/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_CHECKPOINT_H
#define COCO_BROKER_STORE_CHECKPOINT_H

#include "broker/store/audit-chain.h"

/*
 * A checkpoint says, signed by the broker, what the head of an instance's chain was before a batch.
 * It may be kept anywhere, in a log of another machine for example.  The older lines may be deleted
 * up to a checkpoint, which then is the beginning of the chain: it lies under
 * coco/checkpoint/INSTANCE.  As text it is one line of JSON:
 *
 *	{"instance":"a","checkpoint":BATCH,"head":"HEX","at":MILLISECONDS,"signature":"BASE64"}
 *
 * The signature is ECDSA with SHA-256, in DER, over
 *
 *	"coco checkpoint 1" | length u8 | instance | batch u64 | head | at u64
 *
 * numbers big-endian, the label with its NUL.
 *
 * A broker that serves writes such a line into its own log now and then.  There it is a note: it
 * has "noted" instead of "checkpoint", and the label "coco audit note 1".  It proves what the head
 * was, and is no beginning: who reads the log and holds the store cannot delete lines with it.
 */
#define CHECKPOINT_TEXT_MAX 1024
#define CHECKPOINT_PREFIX "coco/checkpoint/"

struct checkpoint {
	char instance[AUDIT_INSTANCE_MAX + 1];
	uint64_t batch;			/* the first one behind it */
	uint8_t head[AUDIT_HEAD_LEN];	/* before that batch */
	uint64_t at;			/* milliseconds since 1970 */
	bool note;
};

/* Whose signatures count: the identity's, and those of the ones before it.  Borrowed. */
#define CHECKPOINT_KEYS_MAX 8
struct checkpoint_keys {
	unsigned n;
	EVP_PKEY *items[CHECKPOINT_KEYS_MAX];
};

/*
 * Sign @c with @key, an EC key with its private half.  @ret is a text without a newline, and yours.
 * Returns 0; -EINVAL for another key; -ENOMEM.
 */
int checkpoint_sign(const struct checkpoint *c, EVP_PKEY *key, char **ret);

/*
 * Read a text of checkpoint_sign() that is no note.  Returns 0; -EBADMSG when it is malformed, or
 * a note; -EKEYREJECTED when none of @keys signed it; -ENOMEM.  @keys NULL: any signature will do.
 */
int checkpoint_read(struct bytes text, const struct checkpoint_keys *keys,
		    struct checkpoint *ret);

/* The same for a text that may be a note. */
int checkpoint_read_any(struct bytes text, const struct checkpoint_keys *keys,
			struct checkpoint *ret);

/* The key where the beginning of a chain lies. */
void checkpoint_key(const char *instance, char ret[static AUDIT_KEY_LEN]);

#endif
