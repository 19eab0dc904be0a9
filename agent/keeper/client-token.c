/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key of a volume for the LUKS2 token plugin (cryptsetup/), which runs in whatever root opens
 * the volume by.
 *
 * The host writes headers and tokens.  A token only names a secret, and gets it if the owner said
 * so in Consumers=.  The plugin sends what libcryptsetup has in memory, and that is judged before
 * any key goes out, whatever VerifyVolumeHeader= says: nobody but the host chose this volume.
 *
 * Whether the key opens the volume is not seen from here.  So the broker is not told that the
 * secret was used, and the secret is not confirmed: a host could use up both with a volume of its
 * own.
 */
#include <stdio.h>

#include "agent/keeper/client.h"
#include "agent/keeper/event.h"
#include "agent/keeper/volume-header.h"
#include "base/log.h"

/* Answer the request, and end the client if that fails. */
static void answer(struct client *c, struct msg_fetched *m)
{
	if (client_answer_fetch(c, m) < 0)
		client_free(c);
}

static void on_verdict(void *userdata, const void *reply, const char *why)
{
	struct msg_fetched m = { .error = NET_LOCAL };
	struct client *c = userdata;
	int r = volume_verdict_read(reply, why, m.text, sizeof(m.text));

	c->judge = worker_call_free(c->judge);
	if (r < 0) {
		event_log(&(struct event){ .kind = EVENT_DENIED,
					   .priority = LOG_WARNING,
					   .secret = c->entry->policy.name,
					   .consumer = CONSUMER_TOKEN,
					   .reason = m.text },
			  "A volume whose token names secret '%s' gets no key: %s",
			  c->entry->policy.name, m.text);
		answer(c, &m);
		return;
	}
	m.text[0] = '\0';
	/* Meanwhile the gate may have closed, and the secret may have been wiped. */
	if (!client_try_origins(c, &m))
		answer(c, &m);
}

static int check(struct client *c, const struct store_entry *e)
{
	if (secret_policy_allows(&e->policy, CONSUMER_TOKEN) <= 0) {
		keeper_note_denied(c->keeper, CONSUMER_TOKEN, e->policy.name,
				   "its Consumers= does not have 'token'");
		return -EACCES;
	}
	return e->state == SECRET_WIPED ? -EKEYREVOKED : client_check_gate(c, e, NULL);
}

int on_token_open(struct client *c, const void *body, struct store_entry *secret)
{
	struct msg_fetched m = { .error = NET_LOCAL };
	int r;

	if (c->passed < 0)
		return -EPROTO;
	if (client_is_waiting(c))
		return -EBUSY;
	client_drop_fetched(c);
	r = check(c, secret);
	if (r < 0)
		return r;
	if (!keeper_is_quiet(c->keeper, secret, CONSUMER_TOKEN))
		event_log(&(struct event){ .kind = EVENT_ASKED,
					   .priority = LOG_INFO,
					   .secret = secret->policy.name,
					   .consumer = CONSUMER_TOKEN },
			  "A volume asks for secret '%s', which its token names",
			  secret->policy.name);
	client_begin_fetch(c, MSG_TOKEN_OPEN, secret);
	r = volume_text_judge(c->keeper->loop, c->passed, &secret->policy, on_verdict, c,
			      &c->judge);
	if (r >= 0)
		return 0;
	snprintf(m.text, sizeof(m.text), "cocod-worker cannot be asked about the header: %s",
		 strerror(-r));
	return client_answer_fetch(c, &m);
}

void client_take_key(struct client *c, struct msg_fetched *m)
{
	const struct store_entry *e = c->entry;
	size_t len;
	int r;

	if (m->here) {
		m->here = 0;
		r = store_read(c->keeper->store, e, &c->fetched);
		if (r < 0) {
			m->error = NET_LOCAL;
			snprintf(m->text, sizeof(m->text), "the secret cannot be read: %s",
				 strerror(-r));
			return;
		}
	}
	len = secret_policy_passphrase_len(&e->policy, c->fetched);
	/* A host may have made its volume for the empty key, so that AllowEmpty= does not count. */
	if (len == 0) {
		m->error = NET_LOCAL;
		snprintf(m->text, sizeof(m->text), "the secret is empty, which is no key");
		return;
	}
	stamps_note(c->keeper->stamps, STAMP_READ, e->policy.name, CONSUMER_TOKEN);
	secret_truncate(c->fetched, len);
	m->len = (uint32_t)len;
	c->has_key = true;
}

void client_key_taken(struct client *c)
{
	struct store_entry *e = c->entry;

	if (e->state != SECRET_WIPED)
		(void) keeper_deliver(c->keeper, e, CONSUMER_TOKEN, DELIVERY_TAKEN,
				      "Secret '%s' is delivered to a volume whose token names it",
				      e->policy.name);
	client_drop_fetched(c);
}
