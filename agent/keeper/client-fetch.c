/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets of the broker's for `cococtl secrets get`, `cococtl broker get` and trustee-attester.
 * What was fetched stays in locked memory for the client that asked, until it has been used or
 * the client is gone.
 */
#include <stdio.h>

#include "agent/keeper/client.h"
#include "agent/keeper/event.h"
#include "base/log.h"
#include "wire/kbs-uri.h"

bool client_is_waiting(const struct client *c)
{
	return c->fetch_type != 0 || c->wait_type != 0;
}

bool client_has_fetched(const struct client *c, const struct store_entry *e)
{
	return e && c->fetched && c->entry == e;
}

void client_drop_fetched(struct client *c)
{
	struct store_entry *e = c->entry;

	c->judge = worker_call_free(c->judge);
	c->fetch = fetch_free(c->fetch);
	c->fetched = secret_free(c->fetched);
	c->has_key = false;
	c->fetch_type = 0;
	c->entry = NULL;
	if (!e)
		return;
	e->n_pending--;
	keeper_settle(c->keeper, e);
}

void client_confirm(struct client *c)
{
	if (!c->fetched)
		return;
	c->fetched = secret_free(c->fetched);
	if (c->fetch)
		fetch_confirm(c->fetch);
	c->fetch = NULL;
}

int client_answer_fetch(struct client *c, struct msg_fetched *m)
{
	uint16_t type = c->fetch_type;

	if (type == MSG_SECRET_PLACE)
		return client_place(c, m);
	c->fetch_type = 0;
	if (type == MSG_TOKEN_OPEN && m->error == NET_OK)
		client_take_key(c, m);
	if (m->error != NET_OK || m->here)
		client_drop_fetched(c);
	return client_reply(c, type, m, sizeof(*m));
}

static void on_fetched(void *userdata, struct secret *s, const struct fetch_failure *why);

static int start_fetch(struct client *c, const char *path, const char *url)
{
	const struct fetch_question q = {
		.path = path,
		.url = url,
		.done = on_fetched,
		.userdata = c,
	};

	return fetch_new(c->keeper->broker, &q, &c->fetch);
}

bool client_try_origins(struct client *c, struct msg_fetched *ret)
{
	enum secret_origin o;

	for (; store_origin(c->keeper->store, c->entry, c->n_origin, &o); c->n_origin++) {
		if (keeper_gate_for(c->keeper, o) <= 0)
			continue;
		if (o == ORIGIN_LAUNCH) {
			*ret = (struct msg_fetched){ .here = 1 };
			return false;
		}
		if (c->keeper->broker &&
		    start_fetch(c, c->entry->policy.path, NULL) >= 0)
			return true;
	}
	return false;
}

static void on_fetched(void *userdata, struct secret *s, const struct fetch_failure *why)
{
	struct msg_fetched m = { .error = NET_OK };
	struct client *c = userdata;

	if (s && c->entry && c->entry->state == SECRET_WIPED) {
		/* By force, while the broker was asked. */
		secret_free(s);
		m.error = NET_SETTINGS;
		snprintf(m.text, sizeof(m.text), "the secret was wiped meanwhile");
	} else if (s && secret_len(s) == 0 && c->entry && !c->entry->policy.allow_empty) {
		secret_free(s);
		m.error = NET_SETTINGS;
		snprintf(m.text, sizeof(m.text),
			 "it is empty at the broker, and AllowEmpty=yes is not set");
	} else if (s) {
		c->fetched = s;
		m.len = (uint32_t)secret_len(s);
	} else {
		m.error = why->error;
		memcpy(m.id, why->id, sizeof(m.id));
		memcpy(m.text, why->text, sizeof(m.text));
		c->fetch = fetch_free(c->fetch);
		c->n_origin++;
		/* The owner may have named a launch secret as second choice. */
		if (c->entry && client_try_origins(c, &m))
			return;
	}
	if (m.error)
		event_log(&(struct event){ .kind = EVENT_DENIED,
					   .priority = LOG_WARNING,
					   .secret = c->entry ? c->entry->policy.name : NULL,
					   .origin = "broker",
					   .reason = m.text },
			  "Secret '%s' is not fetched for a client: %s",
			  c->entry ? c->entry->policy.name : "of the broker", m.text);
	if (client_answer_fetch(c, &m) < 0)
		client_free(c);
}

void client_begin_fetch(struct client *c, uint16_t type, struct store_entry *e)
{
	c->fetch_type = type;
	c->entry = e;
	c->n_origin = 0;
	e->n_pending++;
}

int client_fetch(struct client *c, uint16_t type, struct store_entry *secret)
{
	struct msg_fetched m = { .error = NET_SETTINGS };

	client_drop_fetched(c);
	client_begin_fetch(c, type, secret);
	snprintf(m.text, sizeof(m.text), "%s", keeper_gate_reason(c->keeper, ORIGIN_BROKER));
	return client_try_origins(c, &m) ? 0 : client_answer_fetch(c, &m);
}

int on_secret_fetch(struct client *c, const void *body, struct store_entry *secret)
{
	if (client_is_waiting(c))
		return -EBUSY;
	if (secret->state == SECRET_WIPED) {
		client_drop_fetched(c);
		return -ENOKEY;
	}
	return client_fetch(c, MSG_SECRET_FETCH, secret);
}

/* The secret that secrets.d has for @path, or NULL. */
static const struct store_entry *configured(struct keeper *k, const char *path)
{
	const struct store_entry *e;

	for (size_t i = 0; (e = store_get(k->store, i)); i++)
		if (e->configured && streq(e->policy.path, path))
			return e;
	return NULL;
}

/*
 * Why @path may not be asked for; NULL if it may.  The caller is root, but whoever chose the path
 * may be another: a header of a volume, which is the host's, names it for clevis.  @by_person: it
 * was root himself, who could as well write the file for it.
 */
static const char *why_not(struct keeper *k, const char *path, bool by_person)
{
	const struct store_entry *e = configured(k, path);

	if (e && e->state == SECRET_WIPED)
		return "this secret was wiped: the broker is not asked for it again in this boot";
	if (by_person)
		return kbs_path_is_valid(path) ? NULL : "that is not the path of a secret";
	if (e && !secret_policy_allows(&e->policy, CONSUMER_GET))
		return "Consumers= of this secret's file in secrets.d does not have 'get'";
	if (e || (kbs_path_is_valid(path) &&
		  kbs_path_is_below(path, k->config->broker.uri_prefix)))
		return NULL;
	return "this secret is neither Uri= of a file in secrets.d nor below UriPrefix= of "
	       "broker.conf";
}

int on_broker_get(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_broker_get *q = body;
	struct msg_fetched m = { .error = NET_SETTINGS };
	const char *why;

	if (!memchr(q->path, 0, sizeof(q->path)) || !memchr(q->url, 0, sizeof(q->url)))
		return -EPROTO;
	if (client_is_waiting(c))
		return -EBUSY;
	client_drop_fetched(c);
	c->fetch_type = MSG_BROKER_GET;
	why = c->keeper->broker ? why_not(c->keeper, q->path, q->by_person) :
				  keeper_gate_reason(c->keeper, ORIGIN_BROKER);
	if (!why && start_fetch(c, q->path, q->url[0] ? q->url : NULL) >= 0)
		return 0;
	snprintf(m.text, sizeof(m.text), "%s", why ?: "out of memory");
	return client_answer_fetch(c, &m);
}

int on_fetched_read(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_offset *q = body;
	char consumer[16];

	if (!c->fetched)
		return -ENOKEY;
	client_consumer(c, consumer);
	/* A resource of the broker's that is no secret here has no name. */
	if (c->entry)
		stamps_note(c->keeper->stamps, STAMP_READ, c->entry->policy.name, consumer);
	if (q->offset > secret_len(c->fetched))
		return -EINVAL;
	return client_reply(c, MSG_FETCHED_READ, secret_data(c->fetched) + q->offset,
			    MIN(secret_len(c->fetched) - q->offset, (size_t)MSG_BODY_MAX));
}

int on_fetched_done(struct client *c, const void *body, struct store_entry *secret)
{
	if (c->has_key)
		client_key_taken(c);
	else
		client_confirm(c);
	return client_reply(c, MSG_FETCHED_DONE, NULL, 0);
}
