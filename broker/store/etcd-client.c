/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/etcd-client.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "broker/store/etcd-http.h"
#include "broker/store/etcd-request.h"
#include "wire/broker-url.h"

#define TIMEOUT_USEC 2000000
#define LOGIN_ANSWER_MAX 65536
#define PASSWORD_MAX 4096
#define NODE_LEN 320		/* "https://HOST:PORT" with its NUL */

struct etcd_client {
	struct etcd_http *http;
	char *user, *password_file;
	unsigned n_nodes;
	char nodes[ETCD_NODES_MAX][NODE_LEN];
	atomic_uint current;		/* the node whose turn it is */
	uint64_t timeout_usec;
	atomic_bool is_slow;		/* the last request got no answer in its time */

	/* One thread asks for a token, and the others wait for it. */
	pthread_mutex_t lock;
	struct secret *token;
	uint64_t n_tokens;		/* so far */
};

struct etcd_client *etcd_client_free(struct etcd_client *c)
{
	if (!c)
		return NULL;
	etcd_http_free(c->http);
	secret_free(c->token);
	(void) pthread_mutex_destroy(&c->lock);
	free(c->user);
	free(c->password_file);
	free(c);
	return NULL;
}

void etcd_question_done(struct etcd_question *q)
{
	pieces_done(&q->text);
	q->answer = (struct bytes){ NULL, 0 };
}

/* ---- addresses ---- */

static int add_node(struct etcd_client *c, const char *text, struct cause *why)
{
	const char *form;
	struct broker_url u;

	/* Who stands between us and etcd could give an answer of his own, so TLS is needed. */
	if (broker_url_parse(text, &u) < 0 || u.scheme != BROKER_HTTPS)
		return cause_set(why, -EINVAL,
				 "'%.200s' is not the address of a node of etcd: expected "
				 "https://HOST:PORT", text);
	if (c->n_nodes == ETCD_NODES_MAX)
		return cause_set(why, -EINVAL, "More than %d nodes of etcd", ETCD_NODES_MAX);
	form = strchr(u.host, ':') ? "https://[%s]:%u" : "https://%s:%u";
	(void) snprintf(c->nodes[c->n_nodes++], NODE_LEN, form, u.host, u.port);
	return 0;
}

static int take_nodes(struct etcd_client *c, const char *nodes, struct cause *why)
{
	_cleanup_(freep) char *copy = strdup(nodes);
	char *rest = copy, *node;
	int r = 0;

	if (!copy)
		return cause_set_oom(why);
	while (r == 0 && (node = strsep(&rest, ",")))
		r = add_node(c, node, why);
	return r;
}

static int take_user(struct etcd_client *c, const struct store_options *o, struct cause *why)
{
	if (!o->user != !o->password_file)
		return cause_set(why, -EINVAL,
				 "A user of etcd needs a password, and a password needs a user");
	if (!o->user)
		return 0;
	c->user = strdup(o->user);
	c->password_file = strdup(o->password_file);
	return c->user && c->password_file ? 0 : cause_set_oom(why);
}

int etcd_client_new(const char *nodes, const struct store_options *o, struct etcd_client **ret,
		    struct cause *why)
{
	struct etcd_http_setup setup = {
		.authority = o->authority,
		.certificate = o->certificate,
		.key = o->key,
		.timeout_usec = o->timeout_usec ? o->timeout_usec : TIMEOUT_USEC,
	};
	_cleanup_(etcd_client_freep) struct etcd_client *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return cause_set_oom(why);
	(void) pthread_mutex_init(&c->lock, NULL);
	c->timeout_usec = setup.timeout_usec;
	if (!o->certificate && o->key)
		return cause_set(why, -EINVAL, "A key without a certificate");
	r = take_nodes(c, nodes, why);
	if (r == 0)
		r = take_user(c, o, why);
	if (r == 0)
		r = etcd_http_new(&setup, &c->http, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

/* ---- what an answer means ---- */

static int set_error(struct etcd_question *q, const char *node, int status,
		     const struct pieces *text, struct cause *why)
{
	char message[ETCD_MESSAGE_MAX];

	q->error = etcd_error_read(status, text->data, text->len, message);
	(void) cause_set(why, 0, "etcd: %s: HTTP status %d%s%s", node, status,
			 message[0] ? ": " : "", message);
	switch (q->error) {
	case ETCD_TOKEN:
	case ETCD_REFUSED:
		return -EACCES;
	case ETCD_FULL:
	case ETCD_LEASE:
	case ETCD_COMPACTED:
	case ETCD_WRONG:
		return -EREMOTEIO;
	case ETCD_BUSY:
		return -EAGAIN;
	default:
		return -EBADMSG;
	}
}

static int take_answer(struct etcd_question *q, struct etcd_exchange *x, struct cause *why)
{
	if (x->status != 200)
		return set_error(q, x->node, x->status, &x->answer, why);
	if (etcd_answer_check(x->answer.data, x->answer.len, &q->answer) < 0)
		return cause_set(why, -EBADMSG, "etcd: %s: the answer is not the JSON of etcd",
				 x->node);
	q->text = x->answer;
	x->answer = (struct pieces){ NULL };
	return 0;
}

/* ---- the token ---- */

static int read_password(const struct etcd_client *c, struct secret **ret, struct cause *why)
{
	_cleanup_(closep) int fd = open(c->password_file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cause_set_io(why, errno, "Cannot open the password file '%s': %m",
				    c->password_file);
	if (st.st_mode & (S_IRWXO | S_IWGRP))
		return cause_set(why, -EIO, "The password file '%s' is accessible to others",
				 c->password_file);
	r = secret_read(fd, PASSWORD_MAX, &s);
	if (r < 0)
		return cause_set_io(why, -r, "Cannot read the password file '%s': %s",
				    c->password_file, strerror(-r));
	if (secret_len(s) > 0 && secret_data(s)[secret_len(s) - 1] == '\n')
		secret_truncate(s, secret_len(s) - 1);
	*ret = TAKE_PTR(s);
	return 0;
}

static int make_login(const struct etcd_client *c, struct secret **ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *password = NULL;
	int r = read_password(c, &password, why);

	if (r < 0)
		return r;
	r = etcd_request_login(c->user, password, ret);
	if (r == -EINVAL)
		return cause_set(why, -EIO,
				 "The name of etcd's user or the password in '%s' is empty, or has "
				 "characters that cannot be there", c->password_file);
	return r < 0 ? cause_set_oom(why) : 0;
}

static int take_token(const struct etcd_question *q, const char *node, struct secret **ret,
		      struct cause *why)
{
	struct bytes text;

	if (etcd_token_read(q->answer, &text) < 0 || text.len > ETCD_TOKEN_MAX)
		return cause_set(why, -EBADMSG, "etcd: %s: the token is malformed", node);
	if (secret_new(text.len, ret) < 0)
		return cause_set_oom(why);
	memcpy(secret_bytes(*ret), text.p, text.len);
	return 0;
}

static int ask_token(struct etcd_client *c, const char *node, struct secret **ret,
		     struct cause *why)
{
	_cleanup_(secret_freep) struct secret *login = NULL;
	struct etcd_question q = { NULL };
	struct etcd_exchange x = {
		.node = node, .path = "/v3/auth/authenticate", .max = LOGIN_ANSWER_MAX
	};
	int r = make_login(c, &login, why);

	if (r < 0)
		return r;
	x.secret_body = login;
	r = etcd_http_ask(c->http, &x, why);
	if (r == 0)
		r = take_answer(&q, &x, why);
	if (r == 0)
		r = take_token(&q, node, ret, why);
	/* The token is in them. */
	if (q.text.data)
		explicit_bzero(q.text.data, q.text.len);
	etcd_question_done(&q);
	etcd_exchange_done(&x);
	return r == -EREMOTEIO || r == -EMSGSIZE ? -EBADMSG : r;
}

static int copy_secret(const struct secret *s, struct secret **ret, struct cause *why)
{
	if (secret_new(secret_len(s), ret) < 0)
		return cause_set_oom(why);
	memcpy(secret_bytes(*ret), secret_data(s), secret_len(s));
	return 0;
}

/*
 * A copy of the token.  @number is that of the one that is not good any more; 0: none.  @number
 * becomes that of the copy.
 */
static int get_token(struct etcd_client *c, const char *node, uint64_t *number,
		     struct secret **ret, struct cause *why)
{
	struct secret *token = NULL;
	int r = 0;

	(void) pthread_mutex_lock(&c->lock);
	/* Another thread may have got a new one meanwhile. */
	if (!c->token || *number == c->n_tokens)
		r = ask_token(c, node, &token, why);
	if (token) {
		secret_free(c->token);
		c->token = token;
		c->n_tokens++;
	}
	if (r == 0)
		r = copy_secret(c->token, ret, why);
	*number = c->n_tokens;
	(void) pthread_mutex_unlock(&c->lock);
	return r;
}

/* ---- a question ---- */

/*
 * A node that does not answer, such as a leader that was cut off from the others, costs half of the
 * time, while there are others to ask: the whole of it is for a cluster that is slow.
 */
static uint64_t patience(struct etcd_client *c)
{
	return c->n_nodes > 1 && !atomic_load(&c->is_slow) ? c->timeout_usec / 2 : c->timeout_usec;
}

static int ask_once(struct etcd_client *c, struct etcd_question *q, const char *node,
		    uint64_t *number, bool *ret_sent, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *token = NULL;
	struct etcd_exchange x = {
		.node = node,
		.path = q->path,
		.body = { (const uint8_t *)q->body->data, q->body->len },
		.max = q->max,
		.timeout_usec = patience(c),
		.once = q->once,
	};
	int r;

	*ret_sent = false;
	q->error = ETCD_STRANGE;
	r = c->user ? get_token(c, node, number, &token, why) : 0;
	if (r < 0)
		return r;
	x.token = token;
	r = etcd_http_ask(c->http, &x, why);
	atomic_store(&c->is_slow, r == -EAGAIN);
	*ret_sent = x.is_sent;
	q->may_be_twice = q->may_be_twice || x.may_be_twice;
	if (r == 0)
		r = take_answer(q, &x, why);
	/* Whatever went wrong, the request may have arrived. */
	else if (x.is_sent && q->changes)
		r = -EAGAIN;
	etcd_exchange_done(&x);
	return r;
}

/* Ask one node; a token that it does not know is renewed once. */
static int ask_node(struct etcd_client *c, struct etcd_question *q, const char *node,
		    bool *ret_sent, struct cause *why)
{
	uint64_t number = 0;
	int r = ask_once(c, q, node, &number, ret_sent, why);

	if (r == -EACCES && q->error == ETCD_TOKEN && c->user)
		r = ask_once(c, q, node, &number, ret_sent, why);
	return r;
}

/* The next node's turn, unless another thread was here before. */
static void pass_on(struct etcd_client *c, unsigned from)
{
	(void) atomic_compare_exchange_strong(&c->current, &from, (from + 1) % c->n_nodes);
}

int etcd_client_ask(struct etcd_client *c, struct etcd_question *q, struct cause *why)
{
	unsigned first = atomic_load(&c->current);
	bool is_busy = false, is_sent;
	int r = -EAGAIN;

	for (unsigned i = 0; i < c->n_nodes; i++) {
		unsigned node = (first + i) % c->n_nodes;

		r = ask_node(c, q, c->nodes[node], &is_sent, why);
		/* What a node of etcd refuses, the others refuse too. */
		if (r == 0 || r == -EREMOTEIO || r == -ENOMEM || r == -EMSGSIZE ||
		    (r == -EACCES && is_sent))
			return r;
		pass_on(c, node);
		if (q->changes && is_sent)
			return r;
		is_busy = is_busy || r == -EAGAIN;
	}
	return is_busy ? -EAGAIN : r;
}
