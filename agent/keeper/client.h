/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CLIENT_H
#define COCO_AGENT_KEEPER_CLIENT_H

#include "agent/keeper/fetch.h"
#include "agent/keeper/keeper.h"
#include "agent/keeper/worker-call.h"

/*
 * A connection to cocod's control socket: requests.c has most requests, client-fetch.c and
 * client-token.c the rest.
 */
struct client {
	struct client *next, **prev;	/* in the keeper's list */
	struct keeper *keeper;
	enum client_kind {
		CLIENT_ROOT,		/* may ask anything */
		CLIENT_USER,
		CLIENT_REST,		/* cocod-rest, for a user who is known once it has said */
	} kind;
	uid_t uid;
	gid_t gid, groups[256];	/* of another user: the supplementary ones too */
	unsigned n_groups;
	int fd;
	int passed;		/* what came with the request that is answered now, or -EBADF */
	bool has_peer;		/* CLIENT_REST: @uid is known */
	struct watch *io, *idle;

	/* of client-fetch.c and client-token.c */
	struct worker_call *judge;	/* of the header of the volume that is to get the key */
	struct fetch *fetch;		/* under way, or what there is to confirm */
	uint16_t fetch_type;		/* the request to answer; 0: none waits */
	struct store_entry *entry;	/* what is fetched; NULL for MSG_BROKER_GET */
	enum place_kind place_kind;	/* for MSG_SECRET_PLACE */
	unsigned n_origin;		/* which of the entry's origins is tried */
	struct secret *fetched;
	bool has_key;			/* that is a key, by MSG_TOKEN_OPEN */

	/* of client-place.c: the request to answer when wait_entry, or any, is removed */
	uint16_t wait_type;		/* 0: none waits */
	struct store_entry *wait_entry;
};

struct client *client_free(struct client *c);
DEFINE_CLEANUP(struct client *, client_free)

/*
 * True if the policy of @e lets the client have the secret: root by "get", others by the user or a
 * group, and over the REST by that alone.  @ret is then the word that does.
 */
bool client_may(const struct client *c, const struct store_entry *e, char ret[static 16]);

/* The word of Consumers= that is the client's own: "get", "uid:1000", "rest:1000". */
void client_consumer(const struct client *c, char ret[static 16]);

/* Note that the client was refused @secret; NULL is one that does not exist. */
void client_denied(const struct client *c, const struct store_entry *secret);

/* Answer the request MSG_SECRET_FIND, or one like it. */
int client_send_secret(struct client *c, uint16_t type, struct store_entry *e);

/* Reply to a request.  The body may be plaintext, and is sent from where it lies. */
int client_reply(struct client *c, uint16_t type, const void *body, size_t len);

/*
 * The answers to the requests of these names (wire/msg.h).  Return 0 when a reply was sent, or
 * will be; or the errno to answer with.
 */
int on_secret_fetch(struct client *c, const void *body, struct store_entry *secret);
int on_broker_get(struct client *c, const void *body, struct store_entry *secret);
int on_fetched_read(struct client *c, const void *body, struct store_entry *secret);
int on_fetched_done(struct client *c, const void *body, struct store_entry *secret);
int on_token_open(struct client *c, const void *body, struct store_entry *secret);
int on_secret_place(struct client *c, const void *body, struct store_entry *secret);
int on_secret_withdraw(struct client *c, const void *body, struct store_entry *secret);
int on_rest_find(struct client *c, const void *body, struct store_entry *secret);
int on_broker_settings(struct client *c, const void *body, struct store_entry *secret);

/*
 * Whether any origin of @e may release it now.  Returns 0; -EAGAIN: perhaps soon; -EPERM; -ENOKEY
 * without an origin.  After an error @ret_why, which may be NULL, is the reason, for people.
 */
int client_check_gate(struct client *c, const struct store_entry *e, const char **ret_why);

/* Note that a request of that @type waits for @e, which is not wiped meanwhile. */
void client_begin_fetch(struct client *c, uint16_t type, struct store_entry *e);

/*
 * Try the origins of the entry from c->n_origin on.  Returns true when a fetch is under way, which
 * will answer; otherwise @ret, which comes with an error, says that a launch secret is to be had,
 * or is left alone.
 */
bool client_try_origins(struct client *c, struct msg_fetched *ret);

/* Answer the request that waits.  Returns what client_reply() returns. */
int client_answer_fetch(struct client *c, struct msg_fetched *m);

/*
 * What was fetched, or is to be had here, is to be the key of a volume: cut it as a passphrase is
 * cut, and complete @m, perhaps with an error.
 */
void client_take_key(struct client *c, struct msg_fetched *m);

/* The client has all of the key: note that, and wipe it here. */
void client_key_taken(struct client *c);

/*
 * Answer the request of @type, which has no body, once @e, or with NULL every secret, is removed
 * from where it was put.  Returns what the functions above return.
 */
int client_answer_removed(struct client *c, uint16_t type, struct store_entry *e);

/*
 * Have @secret, from the broker if that is where it comes from, and answer the request of @type.
 * For MSG_SECRET_PLACE client_place() does so.  Returns what client_reply() returns.
 */
int client_fetch(struct client *c, uint16_t type, struct store_entry *secret);

/* It was fetched, or is here, or there is a reason why not: go on.  Returns the same. */
int client_place(struct client *c, const struct msg_fetched *m);

/* True while the client waits for the broker, for the judge of a header, or for cocod-place. */
bool client_is_waiting(const struct client *c);

/* True if the client has the bytes of @e from the broker. */
bool client_has_fetched(const struct client *c, const struct store_entry *e);

/* What was fetched was used: wipe it here, and tell the broker. */
void client_confirm(struct client *c);

/* End what is under way, and wipe what was fetched. */
void client_drop_fetched(struct client *c);

#endif
