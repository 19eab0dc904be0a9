/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_CONVERSATION_H
#define COCO_AGENT_NET_CONVERSATION_H

/*
 * Answer the requests of wire/broker.h that come over @conn, a connection to cocod that blocks,
 * until cocod closes it.  @conn stays the caller's.
 *
 * cocod keeps to the order of requests and to their form.  A frame that does not is not from
 * cocod as it should be, and ends the conversation without an answer.
 *
 * Returns 0 when cocod has closed; -EPROTO after such a frame; -ENOMEM, which cocod was told; an
 * errno of recvmsg(2), sendmsg(2) or memfd_create(2).
 */
int conversation_hold(int conn);

#endif
