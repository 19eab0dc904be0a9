/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What cococtl may ask.  A request is one frame: a type, and a body of exactly that type's size.
 * A malformed request ends its client.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "agent/keeper/client.h"
#include "agent/keeper/event.h"
#include "agent/keeper/placing.h"
#include "base/io.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "wire/kbs-uri.h"

#define MAX_REST 64	/* more than cocod-rest.socket has connections */
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59	/* Linux 4.13 */
#endif
#define IDLE_USEC (60 * USEC_PER_SEC)

static void client_link(struct client *c)
{
	struct keeper *k = c->keeper;

	c->next = k->clients;
	c->prev = &k->clients;
	if (c->next)
		c->next->prev = &c->next;
	k->clients = c;
}

static void client_unlink(struct client *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	client_unlink(c);
	c->keeper->n_clients--;
	watch_free(c->io);
	watch_free(c->idle);
	client_drop_fetched(c);
	(void) close_fd(c->passed);
	placing_forget(c->keeper, c);
	(void) close_fd(c->fd);
	free(c);
	return NULL;
}

int client_reply(struct client *c, uint16_t type, const void *body, size_t len)
{
	return frame_send(c->fd, type, 0, body, len, -EBADF);
}

/* ---- the answers: return 0 when a reply was sent, or the errno to answer with ---- */

static void fill_kept(const struct carried *c, struct msg_kept *ret)
{
	if (!c->kept)
		return;
	*ret = (struct msg_kept){
		.present = true,
		.here = c->own,
		.bind_policy = c->kept->bind_policy,
		.has_policy = c->kept->policy != NULL,
		.has_trust = c->kept->trust != NULL,
		.differs = c->differs,
		.result = c->kept->result,
		.verdict_usec = c->kept->verdict_usec,
	};
	snprintf(ret->require, sizeof(ret->require), "%s", require_name(c->kept->require));
	memcpy(ret->policy_sha256, c->kept->policy_sha256, sizeof(ret->policy_sha256));
	memcpy(ret->trust_sha256, c->kept->trust_sha256, sizeof(ret->trust_sha256));
}

static void fill_broker(const struct keeper *k, struct msg_broker *ret)
{
	const struct broker_settings *b = &k->config->broker;

	*ret = k->broker_last;
	ret->open = k->broker_gate.open;
	snprintf(ret->state, sizeof(ret->state), "%s", k->broker_gate.state);
	snprintf(ret->reason, sizeof(ret->reason), "%s", k->broker_gate.reason);
	ret->n_urls = b->n_urls;
	memcpy(ret->urls, b->urls, sizeof(ret->urls));
}

static int on_status(struct client *c, const void *body, struct store_entry *secret)
{
	struct keeper *k = c->keeper;
	struct msg_status s = {
		.gate_open = k->gate.open,
		.verify_header = k->config->verify_header,
		.since_usec = k->since_usec,
	};

	(void) keeper_scan(k);
	snprintf(s.version, sizeof(s.version), "%s", PACKAGE_VERSION);
	snprintf(s.tee, sizeof(s.tee), "%s", tee_name(k->gate.tee));
	snprintf(s.require, sizeof(s.require), "%s", require_name(k->gate.require));
	snprintf(s.require_reason, sizeof(s.require_reason), "%s", k->gate.require_reason);
	snprintf(s.gate, sizeof(s.gate), "%s", k->gate.state);
	snprintf(s.reason, sizeof(s.reason), "%s", k->gate.reason);
	snprintf(s.secret_directory, sizeof(s.secret_directory), "%s", k->config->secret_directory);
	s.verdict = k->gate.verdict;
	s.verdict_usec = k->gate.verdict_usec;
	fill_kept(&k->carried, &s.kept);
	fill_broker(k, &s.broker);
	keeper_count(k, s.n_secrets, &s.n_remote);
	return client_reply(c, MSG_STATUS, &s, sizeof(s));
}

static const char *const outcome_names[_DELIVERY_OUTCOME_MAX] = {
	[DELIVERY_NONE] = "none",
	[DELIVERY_OFFERED] = "offered",
	[DELIVERY_READ] = "read",
	[DELIVERY_TAKEN] = "taken",
	[DELIVERY_OPENED] = "opened",
	[DELIVERY_REJECTED] = "rejected",
	[DELIVERY_UNDECIDED] = "undecided",
};

static void list_deliveries(const struct store_entry *e, char ret[static MSG_DELIVERIES_LEN])
{
	size_t len = 0;

	for (size_t i = 0; i < e->n_deliveries; i++) {
		const struct store_delivery *d = &e->deliveries[i];

		if (MSG_DELIVERIES_LEN - len < sizeof(d->consumer) + 32) {
			strcpy(ret + len, " ...");
			return;
		}
		len += (size_t)snprintf(ret + len, MSG_DELIVERIES_LEN - len, "%s%s=%s",
					len ? " " : "", d->consumer, outcome_names[d->outcome]);
	}
}

int client_send_secret(struct client *c, uint16_t type, struct store_entry *e)
{
	struct msg_secret m = { .state = (uint8_t)e->state,
				.wipe = (uint8_t)e->policy.wipe,
				.remote = store_is_remote(e),
				.trailing_nul = (uint8_t)e->policy.trailing_nul,
				.verify_header = keeper_wants_good_header(c->keeper, e) };

	store_look(c->keeper->store, e);
	m.size = e->size;
	guid_format(&e->policy.guid, m.guid);
	memcpy(m.name, e->policy.name, sizeof(m.name));
	snprintf(m.source, sizeof(m.source), "%s", e->source ? e->source->name : "");
	if (e->policy.init_data)
		snprintf(m.uri, sizeof(m.uri), "%s", e->policy.path);
	else if (e->policy.path[0])
		kbs_path_format(e->policy.path, m.uri, sizeof(m.uri));
	memcpy(m.since_usec, e->since_usec, sizeof(m.since_usec));
	/* Who else has it is root's to know. */
	if (c->kind != CLIENT_ROOT)
		return client_reply(c, type, &m, sizeof(m));
	memcpy(m.allow_tokens, e->policy.allow_tokens, sizeof(m.allow_tokens));
	memcpy(m.volume_pins, e->policy.volume_pins, sizeof(m.volume_pins));
	memcpy(m.consumers, e->policy.consumers, sizeof(m.consumers));
	memcpy(m.delivered_to, e->delivered_to, sizeof(m.delivered_to));
	list_deliveries(e, m.deliveries);
	keeper_secret_warning(c->keeper, e, m.warning);
	return client_reply(c, type, &m, sizeof(m));
}

static int on_secret_info(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_index *q = body;
	struct store_entry *e;

	if (q->index == 0)
		(void) keeper_scan(c->keeper);
	e = store_get(c->keeper->store, q->index);
	return e ? client_send_secret(c, MSG_SECRET_INFO, e) : -ENOENT;
}

static int on_secret_find(struct client *c, const void *body, struct store_entry *secret)
{
	return client_send_secret(c, MSG_SECRET_FIND, secret);
}

static int on_secret_read(struct client *c, const void *body, struct store_entry *secret)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	const struct msg_read *q = body;
	char consumer[16];
	int r;

	r = store_read(c->keeper->store, secret, &s);
	if (r < 0)
		return r;
	if (secret_len(s) == 0 && !secret->policy.allow_empty)
		return -ENODATA;
	client_consumer(c, consumer);
	stamps_note(c->keeper->stamps, STAMP_READ, secret->policy.name, consumer);
	if (q->offset > secret_len(s))
		return -EINVAL;
	return client_reply(c, MSG_SECRET_READ, secret_data(s) + q->offset,
		     MIN(secret_len(s) - q->offset, (size_t)MSG_BODY_MAX));
}

static int on_secret_delivered(struct client *c, const void *body, struct store_entry *secret)
{
	char consumer[16];

	if (!client_may(c, secret, consumer))
		return -EACCES;
	client_confirm(c);
	/* Another client had the secret too, and was first to report it. */
	if (secret->state == SECRET_WIPED)
		return client_reply(c, MSG_SECRET_DELIVERED, NULL, 0);
	(void) keeper_deliver(c->keeper, secret, consumer, DELIVERY_TAKEN,
			      "Secret '%s' is delivered to %s by '%s'", secret->policy.name,
			      c->kind == CLIENT_ROOT ? "root" : consumer,
			      c->kind == CLIENT_REST ? "GET /cdh/resource" : "cococtl secrets get");
	keeper_settle(c->keeper, secret);
	return client_reply(c, MSG_SECRET_DELIVERED, NULL, 0);
}

int client_check_gate(struct client *c, const struct store_entry *e, const char **ret_why)
{
	const char *why = "there is no source that has it now";
	enum secret_origin o;
	int r = -ENOKEY;

	for (unsigned n = 0; store_origin(c->keeper->store, e, n, &o); n++) {
		int gate = keeper_gate_for(c->keeper, o);

		if (gate > 0)
			return 0;
		r = gate == 0 || r == -EAGAIN ? -EAGAIN : -EPERM;
		why = keeper_gate_reason(c->keeper, o);
	}
	if (ret_why)
		*ret_why = why;
	return r;
}

/* A broker may refuse still when it is asked; whether it is asked can be said. */
static int on_secret_has(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_has *q = body;
	char consumer[sizeof(CONSUMER_CREDENTIAL ":") + sizeof(q->unit)];
	int r;

	if (!memchr(q->unit, 0, sizeof(q->unit)))
		return -EPROTO;
	snprintf(consumer, sizeof(consumer), CONSUMER_CREDENTIAL ":%s", q->unit);
	if (q->unit[0] && !secret_policy_allows(&secret->policy, consumer))
		return -EACCES;
	if (secret->state == SECRET_WIPED)
		return -EKEYREVOKED;
	store_look(c->keeper->store, secret);
	if (secret->size == 0 && !store_is_remote(secret) && !secret->policy.allow_empty)
		return -ENODATA;
	r = client_check_gate(c, secret, NULL);
	return r < 0 ? r : client_reply(c, MSG_SECRET_HAS, NULL, 0);
}

static int on_secret_wipe(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_wipe *q = body;
	int r;

	if (secret->n_pending > 0 && !q->force)
		return -EBUSY;
	if (client_is_waiting(c))
		return -EBUSY;
	r = keeper_wipe(c->keeper, secret);
	return r < 0 ? r : client_answer_removed(c, MSG_SECRET_WIPE, secret);
}

static bool is_due_at_boot(const struct store_entry *e)
{
	return e->policy.wipe == WIPE_BOOT_COMPLETE && e->state != SECRET_WIPED;
}

static int on_boot_complete(struct client *c, const void *body, struct store_entry *secret)
{
	struct keeper *k = c->keeper;
	struct store_entry *e;
	int r = 0;

	if (client_is_waiting(c))
		return -EBUSY;
	store_hold(k->store);
	for (size_t i = 0; (e = store_get(k->store, i)); i++)
		if (is_due_at_boot(e))
			(void) store_set_wipe_due(k->store, e);
	keeper_noted(k, store_let_go(k->store));
	store_hold(k->store);
	/* A secret that is being delivered is wiped when the delivery ends. */
	for (size_t i = 0; (e = store_get(k->store, i)); i++)
		if (is_due_at_boot(e) && e->n_pending == 0)
			r = MIN(r, keeper_wipe(k, e));
	keeper_noted(k, store_let_go(k->store));
	return r < 0 ? r : client_answer_removed(c, MSG_BOOT_COMPLETE, NULL);
}

static int on_source_info(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_index *q = body;
	struct msg_source m = { 0 };
	const struct secret_source *src;
	int result;

	src = store_source(c->keeper->store, q->index, &result);
	if (!src)
		return -ENOENT;
	snprintf(m.name, sizeof(m.name), "%s", src->name);
	snprintf(m.path, sizeof(m.path), "%s", src->path);
	m.error = MIN(result, 0);
	m.n_secrets = (uint32_t)MAX(result, 0);
	m.ignored = !store_believes(c->keeper->store, src) && access(src->path, F_OK) == 0;
	return client_reply(c, MSG_SOURCE_INFO, &m, sizeof(m));
}

static int on_stamp(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_index *q = body;
	struct msg_stamp m;

	return stamps_get(c->keeper->stamps, q->index, &m) ?
		       client_reply(c, MSG_STAMP, &m, sizeof(m)) :
		       -ENOENT;
}

static int on_warning(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_index *q = body;
	struct msg_warning m = { 0 };

	return keeper_warning(c->keeper, q->index, m.text) > 0 ?
		       client_reply(c, MSG_WARNING, &m, sizeof(m)) :
		       -ENOENT;
}

/* ---- the requests ---- */

/* What must hold before a request is answered. */
enum request_needs {
	/* root could read the kernel's files itself; the configuration kept here is the owner's */
	NEEDS_ROOT = 1 << 0,
	NEEDS_SECRET = 1 << 1,		/* the body begins with the name of an existing secret */
	NEEDS_OPEN_GATE = 1 << 2,
	NEEDS_GET = 1 << 3,		/* the secret's policy lets the client have it */
	/* instead of root, a user may ask it who may have the secret, or has fetched it */
	MAY_USER = 1 << 4,
	/* so may cocod-rest for a user; and it alone asks first for whom */
	MAY_REST = 1 << 5,
	NEEDS_REST = 1 << 6,
	NEEDS_ALL = NEEDS_ROOT | NEEDS_SECRET | NEEDS_OPEN_GATE | NEEDS_GET,
};

static const struct {
	size_t len;	/* exact body length in bytes */
	unsigned needs;
	int (*answer)(struct client *c, const void *body, struct store_entry *secret);
} requests[_MSG_MAX] = {
	[MSG_STATUS] = { 0, NEEDS_ROOT, on_status },
	[MSG_SECRET_INFO] = { sizeof(struct msg_index), NEEDS_ROOT, on_secret_info },
	[MSG_SECRET_FIND] = { sizeof(struct msg_name), NEEDS_ROOT | NEEDS_SECRET | MAY_USER,
			      on_secret_find },
	[MSG_SECRET_READ] = { sizeof(struct msg_read), NEEDS_ALL | MAY_USER | MAY_REST,
			      on_secret_read },
	[MSG_SECRET_DELIVERED] = { sizeof(struct msg_name), NEEDS_ALL | MAY_USER | MAY_REST,
				   on_secret_delivered },
	[MSG_SECRET_WIPE] = { sizeof(struct msg_wipe), NEEDS_ROOT | NEEDS_SECRET, on_secret_wipe },
	[MSG_BOOT_COMPLETE] = { 0, NEEDS_ROOT, on_boot_complete },
	[MSG_SOURCE_INFO] = { sizeof(struct msg_index), NEEDS_ROOT, on_source_info },
	[MSG_WARNING] = { sizeof(struct msg_index), NEEDS_ROOT, on_warning },
	[MSG_SECRET_FETCH] = { sizeof(struct msg_name),
			       NEEDS_ROOT | NEEDS_SECRET | NEEDS_GET | MAY_USER | MAY_REST,
			       on_secret_fetch },
	[MSG_BROKER_GET] = { sizeof(struct msg_broker_get), NEEDS_ROOT, on_broker_get },
	[MSG_FETCHED_READ] = { sizeof(struct msg_offset), NEEDS_ROOT | MAY_USER | MAY_REST,
			       on_fetched_read },
	[MSG_FETCHED_DONE] = { 0, NEEDS_ROOT, on_fetched_done },
	[MSG_BROKER_SETTINGS] = { 0, NEEDS_ROOT, on_broker_settings },
	[MSG_SECRET_HAS] = { sizeof(struct msg_has), NEEDS_ROOT | NEEDS_SECRET, on_secret_has },
	[MSG_TOKEN_OPEN] = { sizeof(struct msg_name), NEEDS_ROOT | NEEDS_SECRET, on_token_open },
	[MSG_SECRET_PLACE] = { sizeof(struct msg_place), NEEDS_ROOT | NEEDS_SECRET,
			       on_secret_place },
	[MSG_SECRET_WITHDRAW] = { sizeof(struct msg_place), NEEDS_ROOT | NEEDS_SECRET,
				  on_secret_withdraw },
	[MSG_STAMP] = { sizeof(struct msg_index), NEEDS_ROOT, on_stamp },
	[MSG_REST_FIND] = { sizeof(struct msg_rest), NEEDS_REST, on_rest_find },
};

_Static_assert(offsetof(struct msg_name, name) == 0 && offsetof(struct msg_read, name) == 0 &&
	       offsetof(struct msg_wipe, name) == 0 && offsetof(struct msg_has, name) == 0 &&
	       offsetof(struct msg_place, name) == 0,
	       "a secret's name comes first");

static int find_secret(struct client *c, const char name[static MSG_NAME_LEN + 1],
		       struct store_entry **ret)
{
	/* The text is a peer's: it must contain a NUL. */
	if (!memchr(name, 0, MSG_NAME_LEN + 1))
		return -EPROTO;
	*ret = store_find(c->keeper->store, name);
	if (!*ret && keeper_scan(c->keeper) > 0)
		*ret = store_find(c->keeper->store, name);
	return *ret ? 0 : -ENOKEY;
}

/*
 * Where store_read() would read @e, whatever its owner prefers: MSG_SECRET_FETCH is the request
 * that tries the origins in their order.
 */
static enum secret_origin origin_here(const struct store_entry *e)
{
	return store_is_remote(e) ? ORIGIN_BROKER : ORIGIN_LAUNCH;
}

void client_consumer(const struct client *c, char ret[static 16])
{
	if (c->kind == CLIENT_ROOT)
		strcpy(ret, CONSUMER_GET);
	else
		snprintf(ret, 16, "%s:%u", c->kind == CLIENT_REST ? CONSUMER_REST : CONSUMER_USER,
			 c->uid);
}

bool client_may(const struct client *c, const struct store_entry *e, char ret[static 16])
{
	client_consumer(c, ret);
	if (c->kind == CLIENT_REST && !c->has_peer)
		return false;
	if (secret_policy_allows(&e->policy, ret) > 0)
		return true;
	if (c->kind != CLIENT_USER)
		return false;
	for (unsigned i = 0; i <= c->n_groups; i++) {
		snprintf(ret, 16, CONSUMER_GROUP ":%u", i ? c->groups[i - 1] : c->gid);
		if (secret_policy_allows(&e->policy, ret) > 0)
			return true;
	}
	return false;
}

void client_denied(const struct client *c, const struct store_entry *secret)
{
	char consumer[16];

	client_consumer(c, consumer);
	/* Names that a user makes up do not push others out of what the status shows. */
	keeper_note_denied(c->keeper, consumer, secret ? secret->policy.name : "",
			   !secret ? "there is no such secret" :
			   c->kind == CLIENT_REST ?
				     "its Consumers= does not name that user for the REST" :
				     "its Consumers= names neither that user nor a group of it");
}

/*
 * A user learns nothing about secrets that are not for that user, not even that they exist.
 * Returns 0, or the errno to answer with.
 */
static int check_user(struct client *c, int found, const struct store_entry *secret)
{
	char consumer[16];

	if (found == -EPROTO)
		return found;
	if (found == 0 && client_may(c, secret, consumer))
		return 0;
	client_denied(c, found == 0 ? secret : NULL);
	return -EACCES;
}

/* Who may ask a request of these @needs. */
static bool may_ask(const struct client *c, unsigned needs)
{
	switch (c->kind) {
	case CLIENT_ROOT:
		return needs & NEEDS_ROOT;
	case CLIENT_USER:
		return needs & MAY_USER;
	case CLIENT_REST:
		return needs & (c->has_peer ? MAY_REST : NEEDS_REST);
	}
	return false;
}

/* Returns 0 with @ret_secret when everything in @needs holds, or the errno to answer with. */
static int check_needs(struct client *c, unsigned needs, const void *body,
		       struct store_entry **ret_secret)
{
	char consumer[16];
	int r = 0;

	*ret_secret = NULL;
	if (!may_ask(c, needs))
		return -EPERM;
	if (needs & NEEDS_SECRET)
		r = find_secret(c, body, ret_secret);
	if (needs & NEEDS_SECRET && c->kind != CLIENT_ROOT)
		r = check_user(c, r, *ret_secret);
	/* Whoever fetched the secret had the broker's word for it. */
	if (r == 0 && needs & NEEDS_OPEN_GATE && !client_has_fetched(c, *ret_secret)) {
		r = keeper_gate_for(c->keeper, origin_here(*ret_secret));
		r = r > 0 ? 0 : r == 0 ? -EAGAIN : r;
	}
	if (r == 0 && needs & NEEDS_GET && !client_may(c, *ret_secret, consumer)) {
		keeper_note_denied(c->keeper, CONSUMER_GET, (*ret_secret)->policy.name,
				   "its Consumers= does not have 'get'");
		r = -EACCES;
	}
	return r;
}

static int answer(struct client *c)
{
	union {
		struct msg_index index;
		struct msg_name name;
		struct msg_read read;
		struct msg_wipe wipe;
		struct msg_has has;
		struct msg_place place;
		struct msg_offset offset;
		struct msg_broker_get get;
		struct msg_rest rest;
	} body;
	struct store_entry *secret;
	struct msg_header h;
	int r;

	r = frame_recv(c->fd, &h, &body, sizeof(body), &c->passed);
	if (r == -EAGAIN)
		return 0;
	if (r <= 0)
		return r < 0 ? r : -ECONNRESET;
	if (h.type >= ARRAY_SIZE(requests) || !requests[h.type].answer ||
	    h.len != requests[h.type].len || h.error)
		return -EPROTO;
	r = check_needs(c, requests[h.type].needs, &body, &secret);
	if (r == 0)
		r = requests[h.type].answer(c, &body, secret);
	if (r < 0 && r != -EPROTO && r != -EPIPE)
		r = frame_send(c->fd, h.type, r, NULL, 0, -EBADF);
	return r;
}

/* A descriptor that came with a request is of use only while that is answered. */
static int answer_and_close(struct client *c)
{
	int r = answer(c);

	c->passed = close_fd(c->passed);
	return r;
}

/* ---- clients ---- */

static bool has_request(const struct client *c)
{
	char first;

	return client_is_waiting(c) || recv(c->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool clients_make_room(void *userdata)
{
	struct keeper *k = userdata;
	struct client *oldest = NULL;

	for (struct client *c = k->clients; c; c = c->next)
		if (!has_request(c))
			oldest = c;
	if (!oldest)
		return false;
	log_info("A client that asks nothing makes room for another on the control socket");
	client_free(oldest);
	return true;
}

void clients_stop(struct keeper *k)
{
	while (k->clients)
		client_free(k->clients);
}

static void start_idle(struct client *c)
{
	(void) watch_again_after(c->idle, c->keeper->idle_usec ?: IDLE_USEC);
}

static int on_client_idle(void *userdata)
{
	struct client *c = userdata;

	/* Its request came while cocod was busy, and is served next. */
	if (has_request(c))
		start_idle(c);
	else
		client_free(c);
	return 0;
}

/* This client has just asked something, so that it is the last to be disconnected. */
static void client_touch(struct client *c)
{
	client_unlink(c);
	client_link(c);
	start_idle(c);
}

static int on_client_readable(void *userdata)
{
	struct client *c = userdata;
	int r;

	r = answer_and_close(c);
	if (r < 0) {
		/* Anybody could fill the log with this. */
		if (r != -ECONNRESET && r != -EPIPE && c->kind == CLIENT_ROOT)
			log_warning_errno(r, "A client on the control socket broke the protocol, "
					     "disconnecting it: %m");
		client_free(c);
	} else {
		client_touch(c);
	}
	return 0;
}

/* @c is a copy; its connection is taken over. */
static void add_client(const struct client *from)
{
	_cleanup_(client_freep) struct client *c = NULL;
	struct keeper *k = from->keeper;
	int r;

	c = malloc(sizeof(*c));
	if (!c) {
		(void) close_fd(from->fd);
		return;
	}
	*c = *from;
	c->passed = -EBADF;
	client_link(c);
	k->n_clients++;
	r = watch_fd(k->loop, c->fd, POLLIN, on_client_readable, c, &c->io);
	if (r >= 0)
		r = watch_after(k->loop, k->idle_usec ?: IDLE_USEC, on_client_idle, c, &c->idle);
	if (r >= 0)
		TAKE_PTR(c);
}

/* How many clients of that kind there are, with @uid those of that user. */
static unsigned count_clients(const struct keeper *k, enum client_kind kind, const uid_t *uid)
{
	unsigned n = 0;

	for (const struct client *c = k->clients; c; c = c->next)
		n += c->kind == kind && (!uid || c->uid == *uid);
	return n;
}

void on_client_connection(void *userdata, int conn)
{
	struct keeper *k = userdata;
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;

	/* The socket's mode already ensures this, unless somebody has changed it. */
	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0) {
		log_warning("A client on the control socket is not root, refusing it");
		(void) close_fd(conn);
		return;
	}
	if (count_clients(k, CLIENT_ROOT, NULL) >= k->room.clients && !clients_make_room(k)) {
		log_warning("More than %u clients on the control socket, and each is asking "
			    "something: refusing another",
			    k->room.clients);
		(void) close_fd(conn);
		return;
	}
	add_client(&(struct client){ .keeper = k, .kind = CLIENT_ROOT, .fd = conn });
}

void on_user_connection(void *userdata, int conn)
{
	struct keeper *k = userdata;
	struct client c = { .keeper = k, .kind = CLIENT_USER, .fd = conn };
	socklen_t len = sizeof(struct ucred), groups_len = sizeof(c.groups);
	struct ucred peer;
	char who[16];

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		(void) close_fd(conn);
		return;
	}
	if (peer.uid == 0) {
		on_client_connection(k, conn);
		return;
	}
	c.uid = peer.uid;
	c.gid = peer.gid;
	/* Of a user with more groups than these only the first one counts. */
	if (getsockopt(conn, SOL_SOCKET, SO_PEERGROUPS, c.groups, &groups_len) == 0)
		c.n_groups = groups_len / sizeof(c.groups[0]);
	if (count_clients(k, CLIENT_USER, &c.uid) >= ROOM_OF_USER ||
	    count_clients(k, CLIENT_USER, NULL) >= k->room.users) {
		snprintf(who, sizeof(who), CONSUMER_USER ":%u", c.uid);
		keeper_note_denied(k, who, "", "too many connections of users are open");
		(void) close_fd(conn);
		return;
	}
	add_client(&c);
}

void on_rest_connection(void *userdata, int conn)
{
	struct keeper *k = userdata;

	/* Who may connect here is the socket's to say: what is released depends on another. */
	if (count_clients(k, CLIENT_REST, NULL) >= MAX_REST) {
		(void) close_fd(conn);
		return;
	}
	add_client(&(struct client){ .keeper = k, .kind = CLIENT_REST, .fd = conn });
}
