/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/io.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cococtl.h"

static const char *const trust_names[_BROKER_TRUST_MAX] = {
	[BROKER_TRUST_NONE] = "nothing",
	[BROKER_TRUST_IDENTITY] = "identity",
	[BROKER_TRUST_PUBLIC_KEY] = "public-key",
	[BROKER_TRUST_AUTHORITY] = "authority",
};

static const char *const curve_names[_BROKER_CURVE_MAX] = {
	[BROKER_P256] = "P-256",
	[BROKER_P521] = "P-521",
};

/* End each text, and bring each number into its range. */
static void sanitize(struct msg_broker_settings *m)
{
	char *const ends[] = {
		m->state + sizeof(m->state) - 1,
		m->reason + sizeof(m->reason) - 1,
		m->server_name + sizeof(m->server_name) - 1,
		m->public_key + sizeof(m->public_key) - 1,
		m->proxy + sizeof(m->proxy) - 1,
		m->uri_prefix + sizeof(m->uri_prefix) - 1,
		m->pem_path + sizeof(m->pem_path) - 1,
		m->init_data + sizeof(m->init_data) - 1,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		*ends[i] = '\0';
	m->n_urls = MIN(m->n_urls, (uint32_t)BROKER_URLS_MAX);
	for (uint32_t i = 0; i < m->n_urls; i++)
		m->urls[i][BROKER_URL_LEN - 1] = '\0';
	m->n_keys = MIN(m->n_keys, (uint32_t)MSG_BROKER_KEYS_MAX);
	m->trust = m->trust < _BROKER_TRUST_MAX ? m->trust : BROKER_TRUST_NONE;
	m->curve = m->curve < _BROKER_CURVE_MAX ? m->curve : BROKER_P256;
}

/* ---- JSON ---- */

static struct json_object *keys_to_json(const struct msg_broker_settings *m)
{
	struct json_object *list = json_object_new_array();
	char hex[2 * BROKER_ID_LEN + 1];
	int r = 0;

	for (uint32_t i = 0; i < m->n_keys; i++) {
		format_hex(m->keys[i], BROKER_ID_LEN, hex);
		r |= json_append_text(list, hex);
	}
	return json_whole(list, r);
}

static struct json_object *to_json(const struct msg_broker_settings *m)
{
	struct json_object *o = json_document("broker-check"), *urls = json_object_new_array();
	int r = 0;

	r |= json_add_text(o, "state", m->state);
	r |= json_add_text(o, "reason", m->reason);
	r |= json_add_bool(o, "may_be_asked", m->open);
	for (uint32_t i = 0; i < m->n_urls; i++)
		r |= json_append_text(urls, m->urls[i]);
	r |= json_add(o, "urls", urls);
	r |= json_add_text_or_null(o, "server_name", m->server_name);
	r |= json_add_text_or_null(o, "proxy", m->proxy);
	r |= json_add_text(o, "recognised_by", trust_names[m->trust]);
	r |= json_add_text_or_null(o, "file", m->pem_path);
	r |= json_add(o, "identities", keys_to_json(m));
	r |= json_add_text_or_null(o, "public_key", m->public_key);
	r |= json_add_text(o, "curve", curve_names[m->curve]);
	r |= json_add_text_or_null(o, "init_data", m->init_data);
	r |= json_add_text_or_null(o, "uri_prefix", m->uri_prefix);
	r |= json_add(o, "timeout_sec", json_object_new_double((double)m->timeout_usec / 1e6));
	r |= json_add_bool(o, "measure_release", m->measure_release);
	return json_whole(o, r);
}

/* ---- for people ---- */

static void print_trust(const struct msg_broker_settings *m)
{
	char hex[2 * BROKER_ID_LEN + 1];

	switch (m->trust) {
	case BROKER_TRUST_IDENTITY:
		print("    Trust: Identity=%s, which signs each release\n", m->pem_path);
		for (uint32_t i = 0; i < m->n_keys; i++) {
			format_hex(m->keys[i], BROKER_ID_LEN, hex);
			print("           key with the SHA-256 %s\n", hex);
		}
		break;
	case BROKER_TRUST_PUBLIC_KEY:
		print("    Trust: PublicKey=%s, by TLS alone\n", m->public_key);
		break;
	case BROKER_TRUST_AUTHORITY:
		print("    Trust: Authority=%s, by TLS alone\n", m->pem_path);
		break;
	}
}

static void print_settings(const struct msg_broker_settings *m)
{
	print("   Broker: %s, %s\n", m->state, m->reason);
	for (uint32_t i = 0; i < m->n_urls; i++)
		print("%9s: %s\n", i ? "then" : "Asked", m->urls[i]);
	if (m->server_name[0])
		print("     Name: %s, in its certificate\n", m->server_name);
	if (m->proxy[0])
		print("    Proxy: %s\n", m->proxy);
	print_trust(m);
	if (!m->open)
		return;
	print("     Sent: evidence of this VM, over a new key (%s) and the broker's nonce\n",
	      curve_names[m->curve]);
	print("Init data: %s\n", m->init_data[0] ? m->init_data : "none");
	print("  Secrets: those with Uri= in secrets.d; see 'cococtl secrets list'\n");
	if (m->uri_prefix[0])
		print("           and, if a client names them, those below kbs:///%s\n",
		      m->uri_prefix);
	print("   Limit: %.3g s for each attempt\n", (double)m->timeout_usec / 1e6);
}

static int run_check(struct args *args)
{
	struct msg_broker_settings m;
	int fd, r;

	r = cli_connect(args, &fd);
	if (r != 0)
		return r;
	r = client_call(fd, MSG_BROKER_SETTINGS, NULL, 0, -EBADF, &m, sizeof(m), NULL);
	(void) close_fd(fd);
	if (r < 0)
		return cli_failed(r, NULL);
	sanitize(&m);
	r = STATUS_GOOD;
	if (args->json)
		r = print_json(to_json(&m));
	else
		print_settings(&m);
	return m.open ? r : STATUS_FAILED;
}

static const struct option_row check_options[] = {
	ROW_JSON,
	{ NULL },
};

const struct verb verb_broker_check = {
	.name = "broker check",
	.help = "Show where the broker would be asked, and how it is recognised; asks nobody",
	.example = "",
	.options = check_options,
	.run = run_check,
};
