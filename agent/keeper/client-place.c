/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For `cococtl secrets place` and `secrets withdraw`.  The client never has the secret: it asks
 * that it be put where its policy says.
 */
#include <stdio.h>

#include "agent/keeper/client.h"
#include "agent/keeper/placing.h"
#include "base/log.h"
#include "ipc/frame.h"

static int answer_placed(struct client *c, int error, const char *text)
{
	struct msg_placed m = { .error = error };

	snprintf(m.text, sizeof(m.text), "%.511s", text);
	c->fetch_type = 0;
	client_drop_fetched(c);
	return client_reply(c, MSG_SECRET_PLACE, &m, sizeof(m));
}

static void on_placed(void *userdata, int error, const char *text)
{
	if (answer_placed(userdata, error, text) < 0)
		client_free(userdata);
}

/* The broker, or why it is not asked. */
static int answer_not_released(struct client *c, const struct msg_fetched *why)
{
	struct msg_placed m = { .error = -ENOKEY, .net_error = why->error };

	memcpy(m.id, why->id, sizeof(m.id));
	memcpy(m.text, why->text, sizeof(m.text));
	c->fetch_type = 0;
	client_drop_fetched(c);
	return client_reply(c, MSG_SECRET_PLACE, &m, sizeof(m));
}

int client_place(struct client *c, const struct msg_fetched *m)
{
	struct placing_question q = {
		.entry = c->entry,
		.kind = c->place_kind,
		.done = on_placed,
		.userdata = c,
	};
	int r = 0;

	if (m->error != NET_OK)
		return answer_not_released(c, m);
	q.bytes = TAKE_PTR(c->fetched);
	q.fetch = TAKE_PTR(c->fetch);
	if (!q.bytes)
		r = store_read(c->keeper->store, c->entry, &q.bytes);
	if (r >= 0)
		stamps_note(c->keeper->stamps, STAMP_READ, c->entry->policy.name,
			    place_kind_name(q.kind));
	if (r >= 0 && secret_len(q.bytes) == 0 &&
	    (q.kind == PLACE_KEYRING || !c->entry->policy.allow_empty)) {
		secret_free(q.bytes);
		fetch_free(q.fetch);
		return answer_placed(c, -ENODATA, q.kind == PLACE_KEYRING ?
							  "The secret is empty, and a key cannot "
							  "be" :
							  "The secret is empty, and AllowEmpty=yes "
							  "is not set");
	}
	if (r >= 0)
		r = placing_put(c->keeper, &q);
	if (r >= 0)
		return 0;
	return answer_placed(c, r, r == -EBUSY ? "The secret is being put there, or removed from "
						 "there: try again in a moment" :
				   r == -EIO   ? "The journal of states cannot be written, and a "
						 "restart of cocod would forget where the secret "
						 "is: make room in /run" :
						 strerror(-r));
}

int on_secret_place(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_place *q = body;
	char text[512];
	const char *why;
	int r;

	if (q->kind >= _PLACE_KIND_MAX)
		return -EPROTO;
	if (client_is_waiting(c))
		return -EBUSY;
	if (!secret_policy_allows(&secret->policy, place_kind_name(q->kind))) {
		keeper_note_denied(c->keeper, place_kind_name(q->kind), secret->policy.name,
				   "its Consumers= does not have that word");
		return -EACCES;
	}
	if (secret->state == SECRET_WIPED)
		return -EKEYREVOKED;
	r = client_check_gate(c, secret, &why);
	if (r == -EAGAIN)
		return r;
	if (r < 0) {
		(void) snprintf(text, sizeof(text), "Nothing is released: %.480s", why);
		return answer_placed(c, r, text);
	}
	c->place_kind = (enum place_kind)q->kind;
	return client_fetch(c, MSG_SECRET_PLACE, secret);
}

int client_answer_removed(struct client *c, uint16_t type, struct store_entry *e)
{
	if (placing_is_busy(c->keeper, e)) {
		c->wait_type = type;
		c->wait_entry = e;
		return 0;
	}
	return placing_has_failed(c->keeper, e) ? -EREMOTEIO : client_reply(c, type, NULL, 0);
}

void clients_placing_ended(struct keeper *k)
{
	for (struct client *c = k->clients, *next; c; c = next) {
		uint16_t type = c->wait_type;
		int r;

		next = c->next;
		c->wait_type = 0;
		r = type ? client_answer_removed(c, type, c->wait_entry) : 0;
		if (r == -EREMOTEIO)
			r = frame_send(c->fd, type, r, NULL, 0, -EBADF);
		if (r < 0)
			client_free(c);
	}
}

int on_secret_withdraw(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_place *q = body;
	int r;

	if (q->kind >= _PLACE_KIND_MAX)
		return -EPROTO;
	if (client_is_waiting(c) || placing_is_busy(c->keeper, secret))
		return -EBUSY;
	r = placing_withdraw(c->keeper, secret, (enum place_kind)q->kind);
	return r < 0 ? r : client_answer_removed(c, MSG_SECRET_WITHDRAW, secret);
}
