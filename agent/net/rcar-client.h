/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_RCAR_CLIENT_H
#define COCO_AGENT_NET_RCAR_CLIENT_H

#include <json-c/json.h>

#include "base/macro.h"
#include "wire/broker.h"

/*
 * Handshakes with a broker, one after another, by the messages of rcar.h over HTTPS.
 *
 * A broker may have several addresses.  rcar_client_auth() tries them in their order until one
 * answers, and the rest of that handshake goes there: the session is known there.
 *
 * Functions return 0 with a result, which is good or bad: what the broker said, or why it could
 * not be asked.  -ENOMEM is the only other value.
 */
struct rcar_client;

/*
 * @setup is well-formed.  @pem of @pem_len bytes is the text of Identity= or Authority=, borrowed
 * until the client is freed; NULL with BROKER_TRUST_PUBLIC_KEY.  @ret is yours.  Returns 0 or
 * -ENOMEM.
 */
int rcar_client_new(const struct net_setup *setup, const char *pem, size_t pem_len,
		    struct rcar_client **ret);
struct rcar_client *rcar_client_free(struct rcar_client *c);
DEFINE_CLEANUP(struct rcar_client *, rcar_client_free)

/* Begin a handshake; the one before it is forgotten. */
int rcar_client_auth(struct rcar_client *c, const struct net_auth *asked,
		     struct net_challenge *ret);

/*
 * The next three need a good result of rcar_client_auth() before them, the last two also one of
 * rcar_client_attest().
 *
 * @evidence is borrowed.  @init_data of @init_data_len bytes goes along, unless it is NULL.
 */
int rcar_client_attest(struct rcar_client *c, const struct net_attest *key,
		       struct json_object *evidence, const char *init_data, size_t init_data_len,
		       struct net_result *ret);

/* @ret_ciphertext is yours when the result is good. */
int rcar_client_get(struct rcar_client *c, const char *path, struct net_jwe *ret,
		    uint8_t **ret_ciphertext);

int rcar_client_confirm(struct rcar_client *c, const char *path, struct net_result *ret);

#endif
