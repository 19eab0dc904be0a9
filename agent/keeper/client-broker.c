/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For `cococtl broker check`: by which settings the broker would be asked.  Nobody is asked. */
#include <stdio.h>

#include "agent/keeper/client.h"
#include "agent/keeper/release.h"

_Static_assert(BROKER_IDENTITIES_MAX == MSG_BROKER_KEYS_MAX, "all keys of Identity=");

/* The settings were good when they were read, and the file is not read again. */
static int fill_keys(const struct broker_settings *b, struct msg_broker_settings *ret)
{
	struct broker_identity identity = { 0 };
	struct cause why;
	int r;

	if (b->trust != BROKER_TRUST_IDENTITY || !b->pem)
		return 0;
	r = broker_identity_parse(b->pem, b->pem_len, &identity, &why);
	if (r < 0)
		return r;
	ret->n_keys = identity.n;
	for (unsigned i = 0; i < identity.n; i++)
		memcpy(ret->keys[i], identity.keys[i].id, sizeof(ret->keys[i]));
	broker_identity_done(&identity);
	return 0;
}

int on_broker_settings(struct client *c, const void *body, struct store_entry *secret)
{
	const struct keeper *k = c->keeper;
	const struct broker_settings *b = &k->config->broker;
	struct msg_broker_settings m = {
		.open = k->broker_gate.open,
		.trust = b->trust,
		.n_urls = b->n_urls,
		.curve = b->curve,
		.measure_release = b->measure_release,
		.timeout_usec = b->timeout_usec,
	};
	int r;

	r = fill_keys(b, &m);
	if (r < 0)
		return r;
	snprintf(m.state, sizeof(m.state), "%s", k->broker_gate.state);
	snprintf(m.reason, sizeof(m.reason), "%s", k->broker_gate.reason);
	memcpy(m.urls, b->urls, sizeof(m.urls));
	memcpy(m.server_name, b->server_name, sizeof(m.server_name));
	memcpy(m.public_key, b->public_key, sizeof(m.public_key));
	memcpy(m.proxy, b->proxy, sizeof(m.proxy));
	memcpy(m.uri_prefix, b->uri_prefix, sizeof(m.uri_prefix));
	memcpy(m.pem_path, b->pem_path, sizeof(m.pem_path));
	memcpy(m.init_data, b->init_data, sizeof(m.init_data));
	return client_reply(c, MSG_BROKER_SETTINGS, &m, sizeof(m));
}
