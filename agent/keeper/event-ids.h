/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_EVENT_IDS_H
#define COCO_AGENT_KEEPER_EVENT_IDS_H

/*
 * The kinds of messages that have a MESSAGE_ID in systemd's journal.  An id never changes: people
 * and their scripts look for it.  systemd/coco-agent.catalog explains each, cocod(8) lists them,
 * and tests/lint/catalog compares the three.
 */
enum event_kind {
	EVENT_VERDICT,		/* the gate was judged, or could not be */
	EVENT_DIFFERS,		/* the configuration is not the initrd's */
	/* the steps of a secret's life */
	EVENT_FOUND,		/* it is in a source */
	EVENT_ASKED,		/* a consumer asks for it, or the broker is asked for one */
	EVENT_DELIVERED,	/* a consumer has all of it */
	EVENT_CONFIRMED,	/* a consumer provably used it */
	EVENT_WIPED,
	EVENT_DENIED,		/* a consumer does not get it */
	EVENT_REJECTED,		/* a volume did not open with it */
	_EVENT_KIND_MAX,
};

static const struct {
	const char *name;	/* COCO_EVENT= */
	const char *id;		/* MESSAGE_ID= */
} event_kinds[_EVENT_KIND_MAX] = {
	[EVENT_VERDICT] = { "verdict", "5b7e61c20d3f4d2a9b548c102ea7f396" },
	[EVENT_DIFFERS] = { "differs", "7735e9235cea4d0dbe9e375654fc026a" },
	[EVENT_FOUND] = { "found", "1ab43ddd28294eaf875d178bc7570d2a" },
	[EVENT_ASKED] = { "asked", "5d8565b05b76487f86820cf6c9c36513" },
	[EVENT_DELIVERED] = { "delivered", "8e253853cee74d4ab537d99cda627d4f" },
	[EVENT_CONFIRMED] = { "confirmed", "2852944dc9b8487e9af9b7e890595dab" },
	[EVENT_WIPED] = { "wiped", "b8eaaa09c8494e869d6c8c700e341217" },
	[EVENT_DENIED] = { "denied", "47b26f93c3f54ba2bf580f70e172f1a3" },
	[EVENT_REJECTED] = { "rejected", "4d3c43fc22894cd4a328078f48a1fe15" },
};

#endif
