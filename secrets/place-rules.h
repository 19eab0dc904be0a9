/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_PLACE_RULES_H
#define COCO_SECRETS_PLACE_RULES_H

#include "base/macro.h"
#include "wire/msg.h"

/*
 * How a secret is put into a keyring (Consumers=keyring) or a file (Consumers=file): the options
 * Keyring...= and File...= of secrets.d.
 */
enum keyring_type {
	KEYRING_NONE,		/* not given */
	KEYRING_USER,		/* a key of type user */
	KEYRING_LOGON,		/* of type logon, which only the kernel can read */
	/* of type user, with a passphrase, for LUKS2 tokens of type luks2-keyring */
	KEYRING_CRYPTSETUP,
};

struct place_rules {
	enum keyring_type type;
	char description[PLACE_NAME_LEN];
	uint32_t key_owner;		/* uid */
	uint32_t key_rights;		/* KEY_RIGHT_*, for keyctl_setperm(3); 0: not given */
	uint32_t expires_sec;		/* 0: never */
	uint32_t file_owner, file_group;
	uint32_t file_mode;		/* 0: not given */
};

/*
 * Rights to a key.  Possessors have those shifted left by KEY_RIGHTS_POSSESSOR, the user whose
 * key it is those shifted left by KEY_RIGHTS_OWNER.
 */
#define KEY_RIGHT_VIEW 0x01u
#define KEY_RIGHT_READ 0x02u
#define KEY_RIGHT_WRITE 0x04u
#define KEY_RIGHT_SEARCH 0x08u
#define KEY_RIGHT_LINK 0x10u
#define KEY_RIGHT_SETATTR 0x20u
#define KEY_RIGHTS_POSSESSOR 24
#define KEY_RIGHTS_OWNER 16

/* Each takes the value of an option.  Returns 0, or -EINVAL; for a text -E2BIG too. */
int place_set_type(struct place_rules *p, const char *text);
int place_set_description(struct place_rules *p, const char *text);

/*
 * A list of "view", "read" and "search", without a word twice.  Possessors and the owner get these;
 * the owner also gets what cocod-place needs as that user: to link, to put the key into the
 * keyring, and to write, to revoke it.  Nobody gets the right to change rights or the expiry.  A
 * possessor who may search may read too: keyctl_read(3).
 */
int place_set_rights(struct place_rules *p, const char *text);

/* "never" is no value: it is the default.  A second to 49710 days. */
int place_set_expiry(struct place_rules *p, const char *text);

/* Octal: the owner must be able to read, others get nothing, and nobody executes. */
int place_set_mode(struct place_rules *p, const char *text);

/* A uid or gid, as it is written in one way only. */
int place_set_id(uint32_t *ret, const char *text);

/* What is missing or does not fit, for people; NULL when a key, or a file, can be made by @p. */
const char *place_key_wrong(const struct place_rules *p);
const char *place_file_wrong(const struct place_rules *p);

/* The consumer as the journal has it: "keyring:1000" or "file:NAME". */
void place_consumer(const struct place_rules *p, enum place_kind kind, const char *name,
		    char ret[static 128]);

/*
 * Split such a consumer.  @ret_rest is the part after the colon.  Returns true when it is one.
 */
bool place_consumer_parse(const char *consumer, enum place_kind *ret, const char **ret_rest);

/* What cocod-place is to put, of @len bytes, for the secret @name. */
void place_order_fill(const struct place_rules *p, enum place_kind kind, const char *name,
		      size_t len, struct place_order *ret);

/*
 * What it is to remove, whatever the rules are by now: the key @id, or the file.  Returns 0, or
 * -EINVAL when @consumer is not one of place_consumer().
 */
int place_order_remove(const char *consumer, uint32_t id, struct place_order *ret);

#endif
