/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CLIENT_H
#define COCO_AGENT_KEEPER_CLIENT_H

#include "agent/keeper/fetch.h"
#include "agent/keeper/keeper.h"

/* A connection to cocod's control socket: requests.c has most requests, client-fetch.c the rest. */
struct client {
	struct client *next, **prev;	/* in the keeper's list */
	struct keeper *keeper;
	uid_t uid;		/* 0: it may ask anything */
	gid_t gid, groups[256];	/* of another user: the supplementary ones too */
	unsigned n_groups;
	int fd;
	sd_event_source *io, *idle;

	/* of client-fetch.c */
	struct fetch *fetch;		/* under way, or what there is to confirm */
	uint16_t fetch_type;		/* the request to answer; 0: none waits */
	struct store_entry *entry;	/* what is fetched; NULL for MSG_BROKER_GET */
	unsigned n_origin;		/* which of the entry's origins is tried */
	struct secret *fetched;
};

struct client *client_free(struct client *c);
DEFINE_CLEANUP(struct client *, client_free)

/*
 * True if the policy of @e lets the client have the secret: root by "get", others by the user or a
 * group.  @ret is then the word that does.
 */
bool client_may(const struct client *c, const struct store_entry *e, char ret[static 16]);

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
int on_broker_settings(struct client *c, const void *body, struct store_entry *secret);

/* True while the client waits for the broker. */
bool client_is_waiting(const struct client *c);

/* True if the client has the bytes of @e from the broker. */
bool client_has_fetched(const struct client *c, const struct store_entry *e);

/* What was fetched was used: wipe it here, and tell the broker. */
void client_confirm(struct client *c);

/* End what is under way, and wipe what was fetched. */
void client_drop_fetched(struct client *c);

#endif
