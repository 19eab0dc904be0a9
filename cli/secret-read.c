/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/secret-read.h"

#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/broker-fetch.h"
#include "cli/cococtl.h"
#include "ipc/client.h"
#include "ipc/secret-call.h"

#define MAX_SECRETS 65536
#define OFFER_USEC 2000000

static int set_name(struct msg_name *q, const char *name)
{
	if (strlen(name) >= sizeof(q->name)) {
		log_error("'%s' is not a name of a secret: it is too long", name);
		return STATUS_NO_SECRET;
	}
	*q = (struct msg_name){ 0 };
	strcpy(q->name, name);
	return 0;
}

/* End each text, and bring each number into its range. */
static void sanitize(struct msg_secret *m)
{
	m->guid[sizeof(m->guid) - 1] = m->name[sizeof(m->name) - 1] =
		m->source[sizeof(m->source) - 1] = '\0';
	m->consumers[sizeof(m->consumers) - 1] = m->delivered_to[sizeof(m->delivered_to) - 1] =
		'\0';
	m->deliveries[sizeof(m->deliveries) - 1] = m->warning[sizeof(m->warning) - 1] = '\0';
	m->uri[sizeof(m->uri) - 1] = m->allow_tokens[sizeof(m->allow_tokens) - 1] = '\0';
	m->volume_pins[sizeof(m->volume_pins) - 1] = '\0';
	make_printable(m->warning);
	m->state = (uint8_t)MIN(m->state, _SECRET_STATE_MAX - 1);
	m->wipe = (uint8_t)MIN(m->wipe, _SECRET_WIPE_MAX - 1);
}

void secret_list_done(struct secret_list *l)
{
	free(l->secrets);
}

int secret_list_ask(int fd, struct secret_list *ret)
{
	size_t room = 0;
	int r = 0;

	for (ret->n = 0; ret->n < MAX_SECRETS; ret->n++) {
		struct msg_index q = { ret->n };

		if (ret->n == room) {
			struct msg_secret *more = reallocarray(ret->secrets,
							       room = room ? 2 * room : 16,
							       sizeof(*more));

			if (!more)
				return -ENOMEM;
			ret->secrets = more;
		}
		r = client_call(fd, MSG_SECRET_INFO, &q, sizeof(q), -EBADF, &ret->secrets[ret->n],
				sizeof(*ret->secrets), NULL);
		if (r < 0)
			break;
		sanitize(&ret->secrets[ret->n]);
	}
	return r == -ENOENT ? 0 : r;
}

const char *secret_nearest_text(int fd, const char *name, char ret[static NEAREST_TEXT_MAX])
{
	_cleanup_(secret_list_done) struct secret_list l = { 0 };
	struct nearest nearest;

	nearest_init(&nearest, name, strlen(name));
	if (secret_list_ask(fd, &l) >= 0)
		for (unsigned i = 0; i < l.n; i++)
			nearest_try(&nearest, l.secrets[i].name);
	return nearest_text(&nearest, "", ret);
}

/* Nothing is said while a person types, and nobody waits long. */
static int ask_for_offers(const struct offers *o, struct secret_list *ret)
{
	_cleanup_(closep) int fd = -EBADF;
	int r = client_connect(offers_given(o, "socket") ?: COCOD_SOCKET, OFFER_USEC, &fd);

	return r < 0 ? r : secret_list_ask(fd, ret);
}

void secret_offer(const struct offers *o)
{
	_cleanup_(secret_list_done) struct secret_list l = { 0 };

	if (ask_for_offers(o, &l) < 0)
		return;
	for (unsigned i = 0; i < l.n; i++)
		offer_word(o, l.secrets[i].name, NULL);
}

void secret_offer_uri(const struct offers *o)
{
	_cleanup_(secret_list_done) struct secret_list l = { 0 };

	if (ask_for_offers(o, &l) < 0)
		return;
	for (unsigned i = 0; i < l.n; i++)
		if (l.secrets[i].uri[0])
			offer_word(o, l.secrets[i].uri, NULL);
}

int secret_missing(int fd, const char *name)
{
	char text[NEAREST_TEXT_MAX];

	(void) secret_nearest_text(fd, name, text);
	log_error("There is no secret '%s'%s%s 'cococtl secrets list'", name, text,
		  text[0] ? " See" : "; see");
	return STATUS_NO_SECRET;
}

int secret_find(int fd, const char *name, struct msg_secret *ret)
{
	struct msg_name q;
	int r;

	r = set_name(&q, name);
	if (r != 0)
		return r;
	r = client_call(fd, MSG_SECRET_FIND, &q, sizeof(q), -EBADF, ret, sizeof(*ret), NULL);
	if (r == -ENOKEY)
		return secret_missing(fd, name);
	if (r < 0)
		return cli_failed(r, name);
	sanitize(ret);
	return 0;
}

static int say_wiped(const char *name, const struct msg_secret *m)
{
	char date[TIME_TEXT_MAX];

	log_error("Secret '%s' was wiped at %s%s%s%s; it cannot be had again in this boot", name,
		  format_time(m->since_usec[SECRET_WIPED], date),
		  m->delivered_to[0] ? ", after it had gone to '" : ", and nobody had it",
		  m->delivered_to, m->delivered_to[0] ? "'" : "");
	return STATUS_WIPED;
}

/* The broker may have the secret; it may turn out that a launch secret is to be used instead. */
int secret_fetch(int fd, const char *name, const struct msg_secret *m, struct secret **ret)
{
	struct msg_fetched fetched = { .here = 1 };
	struct msg_name q;
	int r = set_name(&q, m->guid);

	if (r != 0)
		return r;
	if (m->state == SECRET_WIPED)
		return say_wiped(name, m);
	if (m->uri[0])
		r = broker_fetch(fd, MSG_SECRET_FETCH, &q, sizeof(q), &fetched, ret);
	if (r >= 0 && fetched.error != NET_OK)
		return broker_fetch_failed(&fetched, name);
	if (r >= 0 && fetched.here)
		r = secret_call_read(fd, m->guid, m->size, ret);
	return r < 0 ? cli_failed(r, name) : 0;
}

int secret_delivered(int fd, const char *name, const struct msg_secret *m)
{
	struct msg_name q;
	int r = set_name(&q, m->guid);

	if (r != 0)
		return r;
	r = client_call(fd, MSG_SECRET_DELIVERED, &q, sizeof(q), -EBADF, NULL, 0, NULL);
	return r < 0 ? cli_failed(r, name) : 0;
}
