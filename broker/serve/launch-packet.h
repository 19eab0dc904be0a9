/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_LAUNCH_PACKET_H
#define COCO_BROKER_SERVE_LAUNCH_PACKET_H

#include "broker/serve/service.h"
#include "sev/packet.h"
#include "wire/guid.h"

/*
 * Secrets for a launch of SEV or SEV-ES: the packet with them, which only that launch can open.
 * Each of them is released by its policy ([sev]), with its claim and its line in the audit log, as
 * it is to a guest that asks over the network; the launch digest and the measurement are what is
 * judged.  They leave the broker encrypted to the session's TEK.
 */
#define LAUNCH_ITEMS_MAX 64	/* no more than these does Linux' own efi_secret show */

struct launch_item {
	struct guid guid;
	const char *path;
};

struct launch_ask {
	struct sev_launch launch;
	const struct secret *keys;	/* TEK and TIK, SEV_KEY_LEN bytes each */
	struct launch_item items[LAUNCH_ITEMS_MAX];
	unsigned n;
	size_t max;			/* bytes of the table: the room in the guest's area */
	bool check;			/* only say whether the policies would allow it */
	const char *who;		/* "uid 0" */
	int64_t now;
};

/*
 * Make the packet.  What is wrong with the request itself is found before anything is released.
 * With q->check nothing is released, noted or written, and there is no packet: whether the secrets
 * were released before, or somebody must approve it, is not looked at.
 *
 * Returns 0 with @ret, for packet_done(); -EBADMSG when keys, GUIDs or paths are no such; -EACCES
 * when the launch is not what it says it is, or a policy refuses it; -ENOENT when there is no such
 * secret; -EAGAIN when it can be asked again; -ENOSPC when the secrets are too long together;
 * -ENOMEM; -EIO.  @why has the cause.
 */
int launch_packet(struct service *s, const struct launch_ask *q, struct packet *ret,
		  struct cause *why);

/*
 * The same for a request on the admin socket, with the keys as the secret that came along:
 *
 *	{"v":1,"do":"launch-packet","api":"1.55","build":24,"policy":7,"digest":HEX,
 *	 "measurement":HEX,"max":3072,"secrets":[{"guid":GUID,"path":PATH},...]}
 *
 * digest has 32 bytes, and measurement 48: the measure and its nonce.  "header" and "payload" of
 * the packet, in base64, go into @answer.  With @check, which is its "check":true, they do not.
 */
struct json_object;
int launch_packet_answer(struct service *s, struct json_object *request, const struct secret *keys,
			 bool check, const char *who, struct json_object *answer,
			 struct cause *why);

#endif
