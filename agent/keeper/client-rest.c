/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets for cocod-rest, which reads HTTP.  It passes the connection of whoever asks, and the
 * kernel says here whose that is.  So a cocod-rest that lies has at most what Consumers= gives to
 * users over the REST, and of that what is for the users who are connected to it.
 */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/keeper/client.h"

static bool option_is(int fd, int option, int want)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == want;
}

/*
 * Whoever connects to a listening socket has a peer with a name, which is that socket's, and
 * SO_PEERCRED of whoever made it: root, for the most of them.  So only a connection that was
 * accepted counts, from a peer without a name.
 */
static int take_peer(int fd, uid_t *ret)
{
	struct sockaddr_un sa;
	struct ucred peer;
	socklen_t len = sizeof(sa), cred_len = sizeof(peer);

	if (fd < 0)
		return -EPROTO;
	if (!option_is(fd, SO_DOMAIN, AF_UNIX) || !option_is(fd, SO_TYPE, SOCK_STREAM) ||
	    getpeername(fd, (struct sockaddr *)&sa, &len) < 0 ||
	    len > offsetof(struct sockaddr_un, sun_path) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &cred_len) < 0 ||
	    peer.uid == (uid_t)-1)
		return -EACCES;
	*ret = peer.uid;
	return 0;
}

static struct store_entry *find_path(struct store *s, const char *path)
{
	struct store_entry *e;

	for (size_t i = 0; (e = store_get(s, i)); i++) {
		const char *rest = secret_policy_rest_path(&e->policy);

		if (e->configured && rest && streq(rest, path))
			return e;
	}
	return NULL;
}

/* Who may not have the secret does not learn whether there is one, and waits for the same. */
int on_rest_find(struct client *c, const void *body, struct store_entry *secret)
{
	const struct msg_rest *q = body;
	char consumer[16];
	int r;

	if (!memchr(q->path, 0, sizeof(q->path)))
		return -EPROTO;
	r = take_peer(c->passed, &c->uid);
	if (r < 0)
		return r;
	c->has_peer = true;
	(void) keeper_scan(c->keeper);
	secret = find_path(c->keeper->store, q->path);
	if (!secret || !client_may(c, secret, consumer)) {
		client_denied(c, secret);
		return -EACCES;
	}
	return client_send_secret(c, MSG_REST_FIND, secret);
}
