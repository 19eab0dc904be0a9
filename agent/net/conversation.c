/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/net/conversation.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/net/evidence-json.h"
#include "agent/net/init-data.h"
#include "base/json.h"
#include "agent/net/rcar-client.h"
#include "attest/bundle.h"
#include "base/base64.h"
#include "base/cause.h"
#include "base/io.h"
#include "base/text.h"
#include "ipc/frame.h"
#include "wire/broker-url.h"
#include "wire/kbs-uri.h"

#define PIN_PREFIX "sha256//"

/* How far the conversation is. */
enum phase {
	PHASE_NEW = 1 << 0,		/* nobody has said who the broker is */
	PHASE_READY = 1 << 1,
	PHASE_CHALLENGED = 1 << 2,
	PHASE_ATTESTED = 1 << 3,
};

struct conversation {
	int conn;
	enum phase phase;
	struct rcar_client *client;
	struct net_auth asked;
	char *pem;			/* the client's */
	char *init_data;
	size_t init_data_len;
};

struct request {
	union {
		struct net_setup setup;
		struct net_auth auth;
		struct net_attest attest;
		struct net_get get;
	} body;
	int fd;				/* came with the request, or -EBADF */
};

static void conversation_done(struct conversation *c)
{
	rcar_client_free(c->client);
	free(c->pem);
	free(c->init_data);
}

static void request_done(struct request *q)
{
	q->fd = close_fd(q->fd);
}

/* ---- what cocod says ---- */

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* "sha256//" and the base64 of 32 bytes. */
static bool pin_is_valid(const char *pin)
{
	const char *digest = startswith(pin, PIN_PREFIX);
	uint8_t ignored[32];

	return digest && base64_decode_32(digest, ignored);
}

static bool urls_are_valid(const struct net_setup *s)
{
	struct broker_url url;

	if (s->n_urls < 1 || s->n_urls > BROKER_URLS_MAX)
		return false;
	for (uint32_t i = 0; i < s->n_urls; i++)
		if (!ends(s->urls[i], sizeof(s->urls[i])) ||
		    broker_url_parse(s->urls[i], &url) < 0)
			return false;
	return true;
}

/* A broker that nobody authenticates is refused, and so is one that is named in two ways. */
static bool trust_is_valid(const struct net_setup *s, bool has_pem)
{
	if (!ends(s->public_key, sizeof(s->public_key)))
		return false;
	switch (s->trust) {
	case BROKER_TRUST_IDENTITY:
	case BROKER_TRUST_AUTHORITY:
		return has_pem && !s->public_key[0];
	case BROKER_TRUST_PUBLIC_KEY:
		return !has_pem && pin_is_valid(s->public_key);
	default:
		return false;
	}
}

static bool setup_is_valid(const struct net_setup *s, bool has_pem)
{
	char host[BROKER_NAME_LEN];
	struct broker_url url;

	if (!ends(s->server_name, sizeof(s->server_name)) || !ends(s->proxy, sizeof(s->proxy)))
		return false;
	if (s->server_name[0] && broker_host_parse(s->server_name, host) < 0)
		return false;
	if (s->proxy[0] && broker_proxy_parse(s->proxy, &url) < 0)
		return false;
	return s->connect_usec > 0 && s->request_usec > 0 && urls_are_valid(s) &&
	       trust_is_valid(s, has_pem);
}

static bool path_is_valid(const char path[static BROKER_PATH_LEN])
{
	return ends(path, BROKER_PATH_LEN) && kbs_path_is_valid(path);
}

static bool auth_is_valid(const struct net_auth *a)
{
	if (!ends(a->tee, sizeof(a->tee)) || !a->tee[0] || a->n_paths > BROKER_PATHS_MAX ||
	    a->coco > 1 || a->reserved != 0)
		return false;
	for (uint32_t i = 0; i < a->n_paths; i++)
		if (!path_is_valid(a->paths[i]))
			return false;
	return true;
}

static bool attest_is_valid(const struct net_attest *a)
{
	static const uint32_t coordinate_lens[_BROKER_CURVE_MAX] = { [BROKER_P256] = 32,
								    [BROKER_P521] = 66 };

	return a->curve < _BROKER_CURVE_MAX && a->coordinate_len == coordinate_lens[a->curve] &&
	       (a->digest_len == 32 || a->digest_len == 48 || a->digest_len == 64);
}

/* Text or a pack that cocod has written to a file in memory. */
static int read_memory(int fd, size_t max, char **ret, size_t *ret_len)
{
	if (lseek(fd, 0, SEEK_SET) != 0)
		return -EPROTO;
	return read_file_fd(fd, max, ret, ret_len);
}

/* ---- requests: 0 after the answer, or a negative errno ---- */

static int send_answer(const struct conversation *c, uint16_t type, const void *body, size_t len,
		       int fd)
{
	return frame_send(c->conn, type, /* error= */ 0, body, len, fd);
}

static void set_problem(struct net_result *ret, unsigned error, const struct cause *why)
{
	*ret = (struct net_result){ .error = error };
	(void) snprintf(ret->text, sizeof(ret->text), "%.*s", (int)sizeof(ret->text) - 1,
			why->text);
	make_printable(ret->text);
}

static int on_setup(struct conversation *c, struct request *q)
{
	const struct net_setup *s = &q->body.setup;
	const struct net_result good = { .error = NET_OK };
	size_t len = 0;
	int r;

	if (!setup_is_valid(s, q->fd >= 0))
		return -EPROTO;
	if (q->fd >= 0) {
		r = read_memory(q->fd, BROKER_PEM_MAX, &c->pem, &len);
		if (r < 0)
			return r == -ENOMEM ? r : -EPROTO;
	}
	r = rcar_client_new(s, c->pem, len, &c->client);
	if (r < 0)
		return r;
	c->phase = PHASE_READY;
	return send_answer(c, MSG_NET_SETUP, &good, sizeof(good), /* fd= */ -EBADF);
}

static int on_init_data(struct conversation *c, struct request *q)
{
	struct net_init_data m = { .result = { .error = NET_OK } };
	struct init_data found = { 0 };
	struct cause why = { "" };
	int r;

	if (q->fd < 0 || c->init_data)
		return -EPROTO;
	r = init_data_read(q->fd, &c->init_data, &c->init_data_len, &found, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		set_problem(&m.result, NET_UNSUPPORTED, &why);
	else {
		(void) snprintf(m.url, sizeof(m.url), "%s", found.url);
		(void) snprintf(m.uri, sizeof(m.uri), "%s", found.uri);
	}
	return send_answer(c, MSG_NET_INIT_DATA, &m, sizeof(m), /* fd= */ -EBADF);
}

static int on_auth(struct conversation *c, struct request *q)
{
	struct net_challenge m;
	int r;

	if (!auth_is_valid(&q->body.auth))
		return -EPROTO;
	c->asked = q->body.auth;
	c->phase = PHASE_READY;
	r = rcar_client_auth(c->client, &c->asked, &m);
	if (r < 0)
		return r;
	if (m.result.error == NET_OK)
		c->phase = PHASE_CHALLENGED;
	return send_answer(c, MSG_NET_AUTH, &m, sizeof(m), /* fd= */ -EBADF);
}

/* Returns 0; -ENOMEM; another errno with the reason in @why. */
static int read_evidence(const struct conversation *c, const struct request *q,
			 struct json_object **ret, struct cause *why)
{
	const struct net_attest *a = &q->body.attest;
	_cleanup_(bundle_done) struct bundle b = { 0 };
	_cleanup_(freep) char *pack = NULL;
	size_t len;
	int r;

	r = read_memory(q->fd, BUNDLE_PACK_MAX, &pack, &len);
	if (r >= 0)
		r = bundle_read_pack(&b, (const uint8_t *)pack, len);
	if (r < 0)
		return cause_set(why, r, "the evidence is not a pack");
	return evidence_json(&b, c->asked.tee, a->digest, a->digest_len, ret, why);
}

static int on_attest(struct conversation *c, struct request *q)
{
	_cleanup_(json_putp) struct json_object *evidence = NULL;
	struct net_result m;
	struct cause why = { "" };
	int r;

	if (q->fd < 0 || !attest_is_valid(&q->body.attest))
		return -EPROTO;
	r = read_evidence(c, q, &evidence, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		set_problem(&m, NET_UNSUPPORTED, &why);
	else {
		r = rcar_client_attest(c->client, &q->body.attest, evidence, c->init_data,
				       c->init_data_len, &m);
		if (r < 0)
			return r;
	}
	if (m.error == NET_OK)
		c->phase = PHASE_ATTESTED;
	return send_answer(c, MSG_NET_ATTEST, &m, sizeof(m), /* fd= */ -EBADF);
}

static int on_get(struct conversation *c, struct request *q)
{
	_cleanup_(freep) uint8_t *ciphertext = NULL;
	_cleanup_(closep) int fd = -EBADF;
	struct net_jwe m;
	int r;

	if (!path_is_valid(q->body.get.path))
		return -EPROTO;
	r = rcar_client_get(c->client, q->body.get.path, &m, &ciphertext);
	if (r >= 0 && m.result.error == NET_OK)
		r = memfd_new_sealed("ciphertext", ciphertext, m.ciphertext_len, &fd);
	return r < 0 ? r : send_answer(c, MSG_NET_GET, &m, sizeof(m), fd);
}

static int on_confirm(struct conversation *c, struct request *q)
{
	struct net_result m;
	int r;

	if (!path_is_valid(q->body.get.path))
		return -EPROTO;
	r = rcar_client_confirm(c->client, q->body.get.path, &m);
	return r < 0 ? r : send_answer(c, MSG_NET_CONFIRM, &m, sizeof(m), /* fd= */ -EBADF);
}

/* Where a descriptor may come, the handler says whether one must. */
static const struct {
	size_t len;			/* exact body length in bytes */
	unsigned phases;		/* when it may be asked */
	bool takes_fd;
	int (*answer)(struct conversation *c, struct request *q);
} requests[_MSG_MAX] = {
	[MSG_NET_SETUP] = { sizeof(struct net_setup), PHASE_NEW, true, on_setup },
	[MSG_NET_INIT_DATA] = { 0, PHASE_NEW | PHASE_READY, true, on_init_data },
	[MSG_NET_AUTH] = { sizeof(struct net_auth),
			   PHASE_READY | PHASE_CHALLENGED | PHASE_ATTESTED, false, on_auth },
	[MSG_NET_ATTEST] = { sizeof(struct net_attest), PHASE_CHALLENGED, true, on_attest },
	[MSG_NET_GET] = { sizeof(struct net_get), PHASE_ATTESTED, false, on_get },
	[MSG_NET_CONFIRM] = { sizeof(struct net_get), PHASE_ATTESTED, false, on_confirm },
};

/* Returns 1 after an answer, 0 when cocod has closed, or a negative errno. */
static int answer_next(struct conversation *c)
{
	_cleanup_(request_done) struct request q = { .fd = -EBADF };
	struct msg_header h;
	int r;

	r = frame_recv(c->conn, &h, &q.body, sizeof(q.body), &q.fd);
	if (r <= 0)
		return r;
	if (h.error != 0 || h.type >= _MSG_MAX || !requests[h.type].answer ||
	    h.len != requests[h.type].len || !(requests[h.type].phases & c->phase) ||
	    (q.fd >= 0 && !requests[h.type].takes_fd))
		return -EPROTO;
	r = requests[h.type].answer(c, &q);
	if (r == -ENOMEM)
		(void) frame_send(c->conn, h.type, r, NULL, 0, /* pass_fd= */ -EBADF);
	return r < 0 ? r : 1;
}

int conversation_hold(int conn)
{
	_cleanup_(conversation_done) struct conversation c = { .conn = conn, .phase = PHASE_NEW };
	int r;

	do
		r = answer_next(&c);
	while (r > 0);
	/* It need not wait for an answer, for example when whoever wanted the secret is gone. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}
