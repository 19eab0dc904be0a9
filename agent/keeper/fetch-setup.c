/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked, and of whom. */
#include "agent/keeper/fetch-step.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/broker-url.h"
#include "wire/kbs-uri.h"

#define CONNECT_USEC (2 * USEC_PER_SEC)
#define REQUEST_USEC (10 * USEC_PER_SEC)
#define SMBIOS_INIT_DATA "/sys/firmware/dmi/entries/11-0/raw"

/* ---- setting up ---- */

static void on_set_up(void *userdata, const void *reply, int fd, const char *why)
{
	static const uint8_t zeros[REPORT_DATA_LEN];
	struct fetch *f = userdata;

	if (!fetch_succeeded(f, reply, why))
		return;
	if (f->broker->tee[0])
		fetch_ask_challenge(f);
	else
		fetch_ask_evidence(f, zeros, /* learning= */ true);
}

static void set_up(struct fetch *f)
{
	const struct broker_settings *s = f->broker->setup.settings;
	_cleanup_(closep) int pem = -EBADF;
	int r;

	if (f->net.n_urls == 0) {
		fetch_fail(f, NET_SETTINGS,
			   "broker.conf has no Url=, and the init data names none");
		return;
	}
	f->net.trust = s->trust;
	f->net.connect_usec = CONNECT_USEC;
	f->net.request_usec = REQUEST_USEC;
	memcpy(f->net.server_name, s->server_name, sizeof(f->net.server_name));
	memcpy(f->net.public_key, s->public_key, sizeof(f->net.public_key));
	memcpy(f->net.proxy, s->proxy, sizeof(f->net.proxy));
	r = s->pem ? memfd_new_sealed("authority", s->pem, s->pem_len, &pem) : 0;
	if (r < 0) {
		fetch_fail(f, NET_LOCAL, "no file can be made: %s", strerror(-r));
		return;
	}
	fetch_ask(f, (struct net_talk_question){
		.type = MSG_NET_SETUP, .body = &f->net, .len = sizeof(f->net), .fd = pem,
		.reply_len = sizeof(struct net_result), .timeout_usec = FETCH_LOCAL_USEC,
		.done = on_set_up });
}

/* ---- init data, which the host wrote ---- */

/*
 * The host may choose among the addresses of the owner, or be asked for one where the owner has
 * none: whoever answers there must still be the broker.
 */
static void prefer_url(struct fetch *f, const char *text)
{
	struct broker_url url;
	char other[BROKER_URL_LEN];

	if (!text[0] || f->url[0])
		return;
	if (broker_url_parse(text, &url) < 0) {
		log_warning("The init data's address of the broker is malformed, ignoring it");
		return;
	}
	for (unsigned i = 0; i < f->net.n_urls; i++) {
		if (!streq(f->net.urls[i], url.text))
			continue;
		memcpy(other, f->net.urls[0], sizeof(other));
		memcpy(f->net.urls[0], f->net.urls[i], sizeof(other));
		memcpy(f->net.urls[i], other, sizeof(other));
		return;
	}
	if (f->net.n_urls == 0) {
		strcpy(f->net.urls[0], url.text);
		f->net.n_urls = 1;
		return;
	}
	log_warning("The init data's address of the broker, '%s', is not in Url=, ignoring it",
		    url.text);
}

/* Returns 0, or -EACCES when the name is not below UriPrefix=. */
static int take_uri(struct fetch *f, const char *text)
{
	const char *prefix = f->broker->setup.settings->uri_prefix;
	struct kbs_uri uri;

	if (kbs_uri_parse(text, &uri) < 0 || !kbs_path_is_below(uri.path, prefix))
		return -EACCES;
	memset(f->asked.paths[0], 0, sizeof(f->asked.paths[0]));
	strcpy(f->asked.paths[0], uri.path);
	return 0;
}

static void on_init_data(void *userdata, const void *reply, int fd, const char *why)
{
	struct fetch *f = userdata;
	struct net_init_data d;

	if (!fetch_succeeded(f, reply, why))
		return;
	memcpy(&d, reply, sizeof(d));
	if (!fetch_text_ends(d.url, sizeof(d.url)) || !fetch_text_ends(d.uri, sizeof(d.uri))) {
		fetch_fail(f, NET_PROTOCOL, "cocod-net's answer does not have the form of one");
		return;
	}
	prefer_url(f, d.url);
	if (streq(f->path, SECRET_PATH_INIT_DATA) && take_uri(f, d.uri) < 0) {
		make_printable(d.uri);
		fetch_fail(f, NET_SETTINGS,
			  "the init data names the secret '%s', which is not below UriPrefix= of "
			  "broker.conf", d.uri);
		return;
	}
	set_up(f);
}

static int open_init_data(const struct broker *b, int *ret)
{
	const char *name = b->setup.settings->init_data;
	char path[512];
	int fd;

	(void)!snprintf(path, sizeof(path), "%s%s", b->setup.root,
			streq(name, "smbios") ? SMBIOS_INIT_DATA : name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static void ask_init_data(struct fetch *f)
{
	_cleanup_(closep) int fd = -EBADF;
	int r = open_init_data(f->broker, &fd);

	if (r < 0) {
		fetch_fail(f, NET_SETTINGS, "the init data ('%s') cannot be opened: %s",
			  f->broker->setup.settings->init_data, strerror(-r));
		return;
	}
	fetch_ask(f, (struct net_talk_question){
		.type = MSG_NET_INIT_DATA, .fd = fd, .reply_len = sizeof(struct net_init_data),
		.timeout_usec = FETCH_LOCAL_USEC, .done = on_init_data });
}

void fetch_start(struct fetch *f)
{
	const struct broker_settings *s = f->broker->setup.settings;
	int r;

	f->broker->active = f;
	f->phase = PHASE_HANDSHAKE;
	memset(&f->net, 0, sizeof(f->net));
	memset(&f->asked, 0, sizeof(f->asked));
	if (!streq(f->path, SECRET_PATH_INIT_DATA))
		strcpy(f->asked.paths[0], f->path);
	for (unsigned i = 0; i < s->n_urls; i++)
		if (!f->url[0] || streq(f->url, s->urls[i]))
			strcpy(f->net.urls[f->net.n_urls++], s->urls[i]);
	r = net_talk_new(f->broker->setup.loop, f->broker->setup.net, &f->talk);
	if (r < 0)
		fetch_fail(f, NET_LOCAL, "out of memory");
	else if (f->url[0] && f->net.n_urls == 0)
		fetch_fail(f, NET_SETTINGS, "'%s' is not one of the addresses in broker.conf",
			  f->url);
	else if (s->init_data[0])
		ask_init_data(f);
	else if (!f->asked.paths[0][0])
		fetch_fail(f, NET_SETTINGS, "broker.conf has no InitData=, which would name it");
	else
		set_up(f);
}
