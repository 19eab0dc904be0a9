/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_DELIVERY_H
#define COCO_AGENT_KEEPER_DELIVERY_H

#include "agent/keeper/keeper.h"
#include "agent/keeper/volume.h"
#include "agent/keeper/worker-call.h"
#include "wire/credential-peer.h"

/* How often a delivery that waits looks again. */
#define DELIVERY_POLL_USEC (250 * USEC_PER_MSEC)

struct delivery;

/* What is different from one kind of consumer to the other. */
struct consumer {
	const char *noun, *what;	/* for people: the "Volume" gets a "key" */
	/* how many of the secret's bytes the consumer gets */
	size_t (*payload_len)(const struct secret_policy *p, const struct secret *s);
	/* with AllowEmpty=; no volume, which the host may have made for an empty key */
	bool may_be_empty;
	/* the first byte is about to go out: 0, or an errno, and then none does */
	int (*offer)(struct delivery *d);
	/* the peer has read all, and its connection is closed: goes on, or frees @d */
	void (*taken)(struct delivery *d);
	/* the broker does not release the secret: goes on, or frees @d */
	void (*not_released)(struct delivery *d, unsigned error, const char *why);
	/*
	 * Tell the peer of a delivery that has been declined, and holds nothing but its
	 * connection any more; goes on, or frees @d.  NULL: closing the connection says it.
	 */
	void (*refuse)(struct delivery *d);
	/* The same before cocod ends, without delay, and @d is freed by the caller.  Or NULL. */
	void (*stop)(struct delivery *d);
};

extern const struct consumer consumer_cryptsetup, consumer_credential;

/* A secret on its way to a consumer, from the connection to the outcome; see handover.h. */
struct delivery {
	struct delivery *next, **prev;	/* in the keeper's list */
	struct keeper *keeper;
	const struct consumer *kind;
	char volume[VOLUME_NAME_MAX + 1];
	char unit[CREDENTIAL_UNIT_MAX + 1];	/* instead of a volume */
	char wanted[VOLUME_KEY_LEN];	/* the secret that the consumer names; "" for any */
	char consumer[128];		/* as the store has it: "cryptsetup:data" */
	int fd;				/* the connection */
	pid_t pid;			/* 0: the peer is gone */
	int pidfd;
	bool identified;		/* as the one who opens the volume */
	struct worker_call *call;
	enum { HEADER_UNKNOWN, HEADER_GOOD, HEADER_REFUSED } header;
	void (*judged)(struct delivery *d, int error, const char *text);
	unsigned n_origin;		/* which of the entry's origins is tried */
	enum secret_origin origin;
	struct fetch *fetch;		/* under way, or what there is to confirm */
	struct watch *hangup;	/* while the broker is asked */
	bool waits;			/* it was logged that it does */
	bool queued;			/* it was logged that it waits for its turn */
	bool scanned;			/* it has looked for secrets before */
	unsigned late_error;		/* enum net_error, of the last try of late.c */
	/* writes a late key to the connection; NULL where there is none any more */
	void (*give_late)(struct delivery *d, struct secret *key);
	struct store_entry *entry;	/* counts this delivery in n_pending while @pending */
	bool pending;
	bool again;			/* the volume has had this secret before */
	struct delivery_peer peer;
	struct volume_asked asked;	/* the mark before the key went out */
	struct volume_asked looked;	/* the mark when its questions were looked for last */
	/* the store knows of this delivery, and must hear how it ends */
	bool offered;
	/* something that we did not see may have opened the volume */
	bool unseen;
	char why_not[128];		/* what that was */
	struct secret *key;
	size_t key_len, n_sent;
	uint64_t deadline;		/* CLOCK_MONOTONIC, of the current step */
	struct watch *io, *timer, *exit, *questions;
};

/*
 * Make a delivery to a consumer of @kind for the connection @fd, which is then the delivery's, and
 * put it into the keeper's list.  @ret stays in the list until delivery_free().  Returns 0, or
 * -ENOMEM with @fd still the caller's.
 */
int delivery_new(struct keeper *k, const struct consumer *kind, int fd, struct delivery **ret);

/*
 * Find out which process has connected: d->pid, and d->pidfd if the kernel gives one.  Returns 0;
 * -EACCES if it is not root's.
 */
int delivery_take_peer(struct delivery *d);

/*
 * Close and wipe all that the delivery holds, and settle its secret.  @d is gone then.  A peer that
 * still waits for its key is let go by delivery_let_go(), or killed when its volume's header is
 * not known to be good.
 */
void delivery_free(struct delivery *d);

/*
 * Close the connection without a key.  systemd-cryptsetup takes nothing for an empty key, which
 * opens a volume that the host has made for that.  So it gets bytes that nobody knows, which open
 * none whose header is good; then it asks for a passphrase, or fails.  cocod-key gets nothing, and
 * knows what that means.
 */
void delivery_let_go(struct delivery *d);

/*
 * Leave the connection with systemd, too.  If cocod dies, it does not end, which systemd and
 * systemd-cryptsetup would take for an empty secret, and the next cocod gets it by this @name; see
 * cryptsetup_take_back() and credential_take_back().  systemd drops it when the peer or we have
 * ended it.
 */
void delivery_leave_with_systemd(const struct delivery *d, const char *name);

/* True if the peer waits for the key of its volume, and has none of it. */
bool delivery_waits(const struct delivery *d);

/* True unless the owner does not want the header judged (VerifyVolumeHeader=). */
bool delivery_wants_header(const struct delivery *d);

/* True if the peer may not go on as long as nobody has found the header good. */
bool delivery_wants_judge(const struct delivery *d);

/* The same as delivery_let_go() for a connection @fd that is no delivery's.  It is closed. */
void delivery_refuse_connection(int fd);

/* Take @e for the delivery: while it is pending the secret is not wiped. */
void delivery_take_entry(struct delivery *d, struct store_entry *e);

/*
 * True if there is room for another delivery of that @kind.  If not, its connection waits in the
 * socket, and the log says so once until there is room again.
 */
bool delivery_has_room(struct keeper *k, const struct consumer *kind);

/*
 * True if a header may be judged for @d, or the broker asked, or a key be written: not too many
 * others do that now.  Otherwise it waits for its turn, and the log says so once.
 */
bool delivery_has_turn(struct delivery *d);

/*
 * Look for secrets, for a delivery that waits, or has just come.  Returns what keeper_scan()
 * returns.
 */
int delivery_scan(struct delivery *d);

/* CLOCK_MONOTONIC of the current turn of the event loop. */
uint64_t delivery_now(const struct delivery *d);

/*
 * End without handing anything over: let go of all but the connection, and refuse that, or close
 * it.  @d is gone then, or will be without the caller.  delivery_decline() logs why.
 */
void delivery_refuse(struct delivery *d);

/*
 * Call @handler at once, and again whenever it has set the timer anew by delivery_poll_again(),
 * @usec from then.  The delivery's deadline is @usec from now.  Both return an errno of
 * agent/loop.h.
 */
int delivery_start_polling(struct delivery *d, uint64_t usec, watch_call handler);
int delivery_poll_again(struct delivery *d, uint64_t usec);

/* What the peer and the consumer's name are called in messages. */
const char *delivery_peer(const struct delivery *d);
const char *delivery_target(const struct delivery *d);

/*
 * Read the arguments of the peer, which runs as the unit of the volume, so that systemd chose
 * them; in an initramfs, the keyscript did.  Returns 0; -EINVAL when they are not those of
 * systemd-cryptsetup for this volume; an errno of reading them.
 */
int delivery_request(const struct delivery *d, struct volume_request *ret);

#endif
