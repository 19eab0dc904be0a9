/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_ETCD_CLIENT_H
#define COCO_BROKER_STORE_ETCD_CLIENT_H

#include "broker/store/etcd-answer.h"
#include "net/answer.h"

/*
 * Questions to an etcd: its nodes in their order, and the token that shows who we are.  A node is
 * asked until it fails; then it is the turn of the next one.  The token is asked for when it is
 * needed, and again when etcd does not know it any more, as after a restart of a node.
 *
 * Several threads may ask at once.
 */
struct etcd_client;

#define ETCD_NODES_MAX 16

/*
 * @nodes is "https://HOST:PORT,...".  The texts are copied; the password is read from its file when
 * it is needed, so that a new one is found.  Nobody is asked yet.
 * Returns 0 with @ret, which is yours; -EINVAL for addresses of another form, or half of what it
 * takes to be authenticated; -EOPNOTSUPP without libcurl; -ENOMEM.
 */
int etcd_client_new(const char *nodes, const struct store_options *options,
		    struct etcd_client **ret, struct cause *why);
struct etcd_client *etcd_client_free(struct etcd_client *c);
DEFINE_CLEANUP(struct etcd_client *, etcd_client_free)

struct etcd_question {
	const char *path;
	const struct pieces *body;
	size_t max;			/* bytes of the answer */
	/*
	 * It changes something: no other node is asked when a request is on its way that may have
	 * succeeded.
	 */
	bool changes;
	/* libcurl may not send it twice: nothing in it tells the second from the first. */
	bool once;

	/* answered; etcd_question_done() frees it */
	struct pieces text;
	struct bytes answer;		/* an object in @text */
	enum etcd_error error;		/* with -EREMOTEIO */
	bool may_be_twice;		/* the request may have been sent twice */
};

void etcd_question_done(struct etcd_question *q);

/*
 * Returns 0 with an answer; -EREMOTEIO when etcd refuses this question, with @error, which is
 * ETCD_FULL, ETCD_LEASE, ETCD_COMPACTED or ETCD_WRONG; then it has changed nothing, except that
 * with ETCD_FULL it may have.  -EACCES when we may not.  -EAGAIN when nobody answers in time, or
 * there is no leader or no quorum.  -EBADMSG when an answer is malformed, -EMSGSIZE when it is
 * longer than @max; then a question with @changes may have succeeded, as with -EAGAIN.  -EIO when
 * a file cannot be used, -ENOMEM; then it has not.  @why has the cause.
 */
int etcd_client_ask(struct etcd_client *c, struct etcd_question *q, struct cause *why);

#endif
