/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/net/rcar-client.h"

#include <stdio.h>

#include "agent/net/jwe.h"
#include "agent/net/rcar.h"
#include "agent/net/refusal.h"
#include "base/text.h"
#include "net/session.h"
#include "wire/kbs-uri.h"

#define PREFIX "/kbs/v0/"
#define AGENT "cocod-net"
#define ANSWERED 100	/* the weight of every answer that ends the search for an address */

struct rcar_client {
	struct net_setup setup;
	const char *pem;
	size_t pem_len;
	struct http_session *sessions[BROKER_URLS_MAX];	/* made when they are needed */
	unsigned url;					/* where this handshake goes */
	/* of this handshake */
	struct net_auth asked;
	char nonce[BROKER_NONCE_TEXT_LEN + 1];
	char cookie[RCAR_COOKIE_LEN];
	enum broker_curve curve;			/* of the attested key */
};

static const enum http_trust trusts[_BROKER_TRUST_MAX] = {
	[BROKER_TRUST_IDENTITY] = HTTP_TRUST_IDENTITY,
	[BROKER_TRUST_PUBLIC_KEY] = HTTP_TRUST_PUBLIC_KEY,
	[BROKER_TRUST_AUTHORITY] = HTTP_TRUST_AUTHORITY,
};

int rcar_client_new(const struct net_setup *setup, const char *pem, size_t pem_len,
		    struct rcar_client **ret)
{
	struct rcar_client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->setup = *setup;
	c->pem = pem;
	c->pem_len = pem_len;
	*ret = c;
	return 0;
}

struct rcar_client *rcar_client_free(struct rcar_client *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(c->sessions); i++)
		http_session_free(c->sessions[i]);
	free(c);
	return NULL;
}

/* ---- one request ---- */

/* Our own text, or a library's, which may quote the other side. */
static void set_failure(const struct rcar_client *c, unsigned error, unsigned status,
			const struct cause *why, struct net_result *ret)
{
	*ret = (struct net_result){ .error = error, .status = status, .url = c->url };
	(void) snprintf(ret->text, sizeof(ret->text), "%.*s", (int)sizeof(ret->text) - 1,
			why->text);
	make_printable(ret->text);
}

static unsigned error_of_transport(int error)
{
	switch (error) {
	case -EKEYREJECTED:
		return NET_CERTIFICATE;
	case -EMSGSIZE:
	case -EPROTO:
		return NET_PROTOCOL;
	case -EOPNOTSUPP:
	case -EINVAL:
		return NET_UNSUPPORTED;
	default:
		return NET_UNREACHABLE;
	}
}

static int open_session(struct rcar_client *c, struct cause *why)
{
	const struct http_session_setup setup = {
		.url = c->setup.urls[c->url],
		.server_name = c->setup.server_name,
		.trust = trusts[c->setup.trust],
		.pem = c->pem,
		.pem_len = c->pem_len,
		.public_key = c->setup.public_key,
		.proxy = c->setup.proxy,
		.connect_usec = c->setup.connect_usec,
		.request_usec = c->setup.request_usec,
		.agent = AGENT,
	};

	return c->sessions[c->url] ? 0 : http_session_new(&setup, &c->sessions[c->url], why);
}

static struct bytes answer_of(const struct http_exchange *x)
{
	return (struct bytes){ (const uint8_t *)x->answer, x->answer_len };
}

/*
 * Ask, at the address of this handshake.  @body is NULL for a GET.
 *
 * Returns 1 with the answer, which has the status 200, in @x; 0 when there is none, with @ret
 * filled in; -ENOMEM.  Pass @x to http_exchange_done() in each case.
 */
static int ask(struct rcar_client *c, enum refusal_step step, const char *path, const char *body,
	       struct http_exchange *x, struct net_result *ret)
{
	struct cause why = { "" };
	int r;

	*x = (struct http_exchange){ .method = body ? "POST" : "GET",
				     .path = path,
				     .body = body,
				     .cookie = c->cookie[0] ? c->cookie : NULL,
				     .max = RCAR_ANSWER_MAX };
	r = open_session(c, &why);
	if (r >= 0)
		r = http_session_ask(c->sessions[c->url], x, &why);
	if (r == -ENOMEM)
		return r;
	*ret = (struct net_result){ .url = c->url };
	if (r < 0)
		set_failure(c, error_of_transport(r), 0, &why, ret);
	else if (x->status != 200)
		refusal_read(step, x->status, x->retry_sec, answer_of(x), ret);
	else {
		ret->error = NET_OK;
		ret->status = 200;
		return 1;
	}
	return 0;
}

/* Take the result of reading an answer.  Returns 0 or -ENOMEM. */
static int judge(const struct rcar_client *c, int r, const struct cause *why,
		 struct net_result *ret)
{
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		set_failure(c, NET_PROTOCOL, 200, why, ret);
	return 0;
}

/* ---- the handshake ---- */

static int take_cookie(struct rcar_client *c, const struct http_exchange *x, struct cause *why)
{
	if (!x->set_cookie)
		return 0;
	return rcar_read_cookie(x->set_cookie, c->cookie) < 0 ?
		       cause_set(why, -EPROTO, "the broker's cookie does not name a session") :
		       0;
}

static int read_challenge(struct rcar_client *c, const struct http_exchange *x,
			  struct net_challenge *ret, struct cause *why)
{
	int r;

	r = rcar_read_challenge(answer_of(x), ret, why);
	if (r >= 0)
		r = take_cookie(c, x, why);
	if (r >= 0 && !c->cookie[0])
		r = cause_set(why, -EPROTO, "the challenge comes without a session's cookie");
	return r;
}

static int auth_at(struct rcar_client *c, unsigned url, const char *body,
		   struct net_challenge *ret)
{
	_cleanup_(http_exchange_done) struct http_exchange x;
	struct cause why = { "" };
	int r;

	c->url = url;
	c->cookie[0] = '\0';
	*ret = (struct net_challenge){ .result = { .error = NET_OK } };
	r = ask(c, REFUSAL_AUTH, PREFIX "auth", body, &x, &ret->result);
	if (r <= 0)
		return r;
	r = judge(c, read_challenge(c, &x, ret, &why), &why, &ret->result);
	if (ret->result.error != NET_OK)
		*ret = (struct net_challenge){ .result = ret->result };
	return r;
}

/*
 * How much a failure tells a person.  A broker that is up and busy is more than another one that
 * is down.  A refusal is an answer, and nobody else is asked.
 */
static unsigned weight(unsigned error)
{
	switch (error) {
	case NET_UNREACHABLE:
		return 1;
	case NET_UNSUPPORTED:
		return 2;
	case NET_PROTOCOL:
		return 3;
	case NET_CERTIFICATE:
		return 4;
	case NET_BUSY:
		return 5;
	default:
		return ANSWERED;
	}
}

int rcar_client_auth(struct rcar_client *c, const struct net_auth *asked,
		     struct net_challenge *ret)
{
	_cleanup_(freep) char *body = NULL;
	struct net_challenge worst = { .result = { .error = NET_OK } }, now;
	unsigned heaviest = 0;
	int r;

	c->asked = *asked;
	r = rcar_build_request(asked, &body);
	for (unsigned i = 0; r >= 0 && i < c->setup.n_urls && heaviest < ANSWERED; i++) {
		r = auth_at(c, i, body, &now);
		if (r >= 0 && weight(now.result.error) > heaviest) {
			heaviest = weight(now.result.error);
			worst = now;
		}
	}
	if (r < 0)
		return r;
	memcpy(c->nonce, worst.nonce, BROKER_NONCE_TEXT_LEN);
	*ret = worst;
	return 0;
}

int rcar_client_attest(struct rcar_client *c, const struct net_attest *key,
		       struct json_object *evidence, const char *init_data, size_t init_data_len,
		       struct net_result *ret)
{
	const struct rcar_attestation a = { .nonce = c->nonce,
					    .key = key,
					    .coco = c->asked.coco ? &c->asked : NULL,
					    .init_data = init_data,
					    .init_data_len = init_data_len,
					    .evidence = evidence };
	_cleanup_(http_exchange_done) struct http_exchange x = { NULL };
	_cleanup_(freep) char *body = NULL;
	struct cause why = { "" };
	int r;

	r = rcar_build_attestation(&a, &body);
	if (r < 0)
		return r;
	c->curve = key->curve;
	r = ask(c, REFUSAL_ATTEST, PREFIX "attest", body, &x, ret);
	if (r <= 0)
		return r;
	r = rcar_check_token(answer_of(&x), &why);
	if (r >= 0)
		r = take_cookie(c, &x, &why);
	return judge(c, r, &why, ret);
}

int rcar_client_get(struct rcar_client *c, const char *path, struct net_jwe *ret,
		    uint8_t **ret_ciphertext)
{
	_cleanup_(http_exchange_done) struct http_exchange x;
	_cleanup_(freep) uint8_t *ciphertext = NULL;
	char address[sizeof(PREFIX) + sizeof("resource/") + BROKER_PATH_LEN] = PREFIX;
	struct cause why = { "" };
	int r;

	*ret = (struct net_jwe){ .result = { .error = NET_OK } };
	kbs_path_request(path, address + strlen(PREFIX), sizeof(address) - strlen(PREFIX));
	r = ask(c, REFUSAL_GET, address, /* body= */ NULL, &x, &ret->result);
	if (r <= 0)
		return r;
	r = jwe_read(answer_of(&x), c->curve, ret, &ciphertext, &why);
	if (r >= 0 && x.release)
		r = jwe_read_release(x.release, ret, &why);
	if (r >= 0)
		*ret_ciphertext = TAKE_PTR(ciphertext);
	else
		*ret = (struct net_jwe){ .result = ret->result };
	return judge(c, r, &why, &ret->result);
}

int rcar_client_confirm(struct rcar_client *c, const char *path, struct net_result *ret)
{
	_cleanup_(http_exchange_done) struct http_exchange x = { NULL };
	_cleanup_(freep) char *body = NULL;
	int r;

	r = rcar_build_confirm(path, &body);
	if (r < 0)
		return r;
	r = ask(c, REFUSAL_CONFIRM, PREFIX "coco/confirm", body, &x, ret);
	return r < 0 ? r : 0;
}
