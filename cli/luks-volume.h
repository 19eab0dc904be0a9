/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_LUKS_VOLUME_H
#define COCO_CLI_LUKS_VOLUME_H

#include "base/cause.h"
#include "base/secret.h"
#include "wire/msg.h"

/*
 * A LUKS2 volume whose keyslots and tokens are changed, by libcryptsetup, which is loaded only
 * for that.  The host may have written the header: have it judged before (cli/luks-header.h).
 *
 * All functions that take a struct cause return a negative errno and fill it in on error.
 */
#define LUKS_IDS 32	/* keyslots, tokens are numbered from 0 to 31 */
#define LUKS_TOKEN_OURS "coco"
#define LUKS_TOKEN_RECOVERY "systemd-recovery"

/* Our token.  It is the host's word that this secret opens those keyslots, and nothing more. */
struct luks_token {
	int id;
	char secret[MSG_NAME_LEN + 1];	/* "" when it names none, or one that cannot be */
	uint32_t keyslots;		/* one bit each */
};

/* Which keyslot is to be added, and how its key is derived. */
struct luks_keyslot {
	int number;			/* -1: any */
	uint32_t iterations;		/* of PBKDF2; 0: enough for what a person remembers */
};

/* For random keys, as systemd-cryptenroll derives those that it made itself. */
#define LUKS_ITERATIONS_RANDOM 1000

/*
 * A token of a recovery passphrase that was not ready when somebody was killed.  It names no
 * keyslot, but says which one was to be added, and how its key was to be derived.
 */
struct luks_unfinished {
	int token;
	int keyslot;			/* that was added; -1: not there, or of others */
};

struct luks_volume {
	struct crypt_device *cd;
	char uuid[40];
	uint32_t keyslots;		/* that exist, one bit each */
	uint32_t free_tokens;		/* ids, one bit each */
	struct luks_token tokens[LUKS_IDS];	/* ours */
	unsigned n_tokens;
	struct luks_unfinished unfinished[LUKS_IDS];
	unsigned n_unfinished;
	unsigned room_keyslots;		/* how many more keyslots have room */
	size_t room_json;		/* bytes for more metadata */
	uint64_t header_len;		/* with the area of the keyslots; ~0: not known */
	/*
	 * luks_volume_format() was cut short before there was a keyslot: nobody ever had a key to
	 * what is on it.
	 */
	bool unfinished_format;
};

/*
 * Open the volume on @device, for reading and writing.
 *
 * -EOPNOTSUPP: no libcryptsetup, or not LUKS2 with its header on the device, at rest, and of a
 * kind that can be changed; -EIO for what libcryptsetup could not do; -ENOMEM.
 */
int luks_volume_open(const char *device, struct luks_volume *ret, struct cause *c);
void luks_volume_done(struct luks_volume *v);

/* Part of a secret: what opens a keyslot.  Borrowed. */
struct luks_key {
	const struct secret *s;
	size_t len;
};

static inline struct luks_key luks_key_whole(const struct secret *s)
{
	return (struct luks_key){ s, secret_len(s) };
}

#define LUKS_HEADER_LEN (UINT64_C(16) << 20)	/* of a volume that is formatted here */

/*
 * Make a LUKS2 volume of @device, which opens with @key.  @uuid is as text; ->number of @keyslot
 * is -1.  Until there is the keyslot the header says so (->unfinished_format of
 * luks_volume_open()).  What was on the device is lost.
 *
 * Returns 0; -EOPNOTSUPP, -EBUSY when somebody uses the device, or -EIO, with the cause.
 */
int luks_volume_format(const char *device, const char *uuid, struct luks_key key,
		       struct luks_keyslot keyslot, struct cause *c);

/*
 * Try @key on @keyslot, or on all with -1.  Returns the keyslot; -EPERM when it opens none; -EIO.
 * Nothing is mapped.
 */
int luks_volume_try(struct luks_volume *v, int keyslot, struct luks_key key, struct cause *c);

/*
 * Add the keyslot @keyslot that opens with @key, by @unlock, which opens another.  Returns its
 * number; -EIO.
 */
int luks_volume_add_key(struct luks_volume *v, struct luks_key unlock, struct luks_key key,
			struct luks_keyslot keyslot, struct cause *c);

/*
 * Write the token @id, or a new one with -1: of @type, for @keyslot, and with the name of @secret
 * unless that is NULL.  Returns its id; -EIO, -ENOMEM.
 */
int luks_volume_put_token(struct luks_volume *v, int id, const char *type, int keyslot,
			  const char *secret, struct cause *c);

/* Announce @keyslot of a recovery passphrase by a token.  Returns its id; -EIO, -ENOMEM. */
int luks_volume_put_unfinished(struct luks_volume *v, struct luks_keyslot keyslot,
			       struct cause *c);

/* Remove what exists.  Return 0 or -EIO. */
int luks_volume_remove_key(struct luks_volume *v, int keyslot, struct cause *c);
int luks_volume_remove_token(struct luks_volume *v, int id, struct cause *c);

#endif
