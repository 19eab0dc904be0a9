/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/double/etcd-nodes.h"

#include <stdio.h>

static const struct etcd_reply *replies;
static unsigned n_replies, n_asked;
static struct etcd_asked asked[ETCD_ASKED_MAX];

struct etcd_http {
	int nothing;
};

void etcd_nodes_reset(const struct etcd_reply *list, unsigned n)
{
	for (unsigned i = 0; i < n_asked; i++)
		free(asked[i].body);
	memset(asked, 0, sizeof(asked));
	replies = list;
	n_replies = n;
	n_asked = 0;
}

unsigned etcd_nodes_n_asked(void)
{
	return n_asked;
}

const struct etcd_asked *etcd_nodes_asked(unsigned i)
{
	assert(i < n_asked);
	return &asked[i];
}

int etcd_http_new(const struct etcd_http_setup *setup, struct etcd_http **ret, struct cause *why)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : cause_set_oom(why);
}

struct etcd_http *etcd_http_free(struct etcd_http *h)
{
	free(h);
	return NULL;
}

void etcd_exchange_done(struct etcd_exchange *x)
{
	pieces_done(&x->answer);
}

static void keep(const struct etcd_exchange *x)
{
	struct etcd_asked *a = &asked[n_asked];
	const struct secret *s = x->secret_body;

	assert(n_asked < ETCD_ASKED_MAX);
	a->timeout_usec = x->timeout_usec;
	(void) snprintf(a->node, sizeof(a->node), "%s", x->node);
	(void) snprintf(a->path, sizeof(a->path), "%s", x->path);
	if (x->token)
		(void) snprintf(a->token, sizeof(a->token), "%.*s", (int)secret_len(x->token),
				(const char *)secret_data(x->token));
	a->body = s ? strndup((const char *)secret_data(s), secret_len(s)) :
		      strndup((const char *)x->body.p, x->body.len);
	a->once = x->once;
	n_asked++;
}

int etcd_http_ask(struct etcd_http *h, struct etcd_exchange *x, struct cause *why)
{
	static const struct etcd_reply nobody = { .error = -EAGAIN };
	const struct etcd_reply *r = n_asked < n_replies ? &replies[n_asked] : &nobody;

	keep(x);
	x->is_sent = !r->error || r->is_lost;
	x->may_be_twice = r->is_twice;
	if (r->error)
		return cause_set(why, r->error, "as the test wants");
	if (strlen(r->text) > x->max)
		return cause_set(why, -EMSGSIZE, "too long");
	x->status = r->status ? r->status : 200;
	return pieces_add(&x->answer, r->text, strlen(r->text), x->max);
}
