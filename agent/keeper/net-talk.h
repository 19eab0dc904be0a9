/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_NET_TALK_H
#define COCO_AGENT_KEEPER_NET_TALK_H

#include "agent/loop.h"
#include "base/macro.h"

/*
 * A conversation with cocod-net: several questions and answers over one connection, which is one
 * process at the other end (wire/broker.h).  All waiting is done in the event loop.
 */
struct net_talk;

struct net_talk_question {
	uint16_t type;
	const void *body;		/* borrowed until net_talk_ask() returns */
	size_t len;			/* at most MSG_BODY_MAX */
	int fd;				/* sent along, or -EBADF; the caller keeps it */
	size_t reply_len;		/* of the answer's body, at most MSG_BODY_MAX */
	uint64_t timeout_usec;
	/*
	 * Called once, from the loop; the conversation may be freed or asked again then.  @reply
	 * is the answer's body, and @fd the descriptor that came along, or -EBADF: it is closed
	 * after the call.  Without an answer @reply is NULL, @why says why, and the conversation
	 * is over: only net_talk_free() is left.  cocod-net has read what the network wrote:
	 * believe no more of its answer than this form.
	 */
	void (*done)(void *userdata, const void *reply, int fd, const char *why);
	void *userdata;
};

/*
 * Begin a conversation with whoever listens at @path.  Nothing is connected yet.  @ret is yours.
 * Returns 0 or -ENOMEM.
 */
int net_talk_new(struct loop *loop, const char *path, struct net_talk **ret);

/* Ends the conversation; done() is not called any more. */
struct net_talk *net_talk_free(struct net_talk *t);
DEFINE_CLEANUP(struct net_talk *, net_talk_free)

/*
 * Ask.  If the socket has a full queue, the question waits for its turn until its time is over.
 * Returns 0; -EBUSY while a question waits for its answer; -ENOTCONN after the end; -ENOMEM; an
 * errno of fcntl(2) or agent/loop.h.  Anything that goes wrong later comes through done().
 */
int net_talk_ask(struct net_talk *t, const struct net_talk_question *q);

#endif
