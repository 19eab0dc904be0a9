/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_STORE_H
#define COCO_SECRETS_STORE_H

#include "base/macro.h"
#include "base/secret.h"
#include "secrets/journal.h"
#include "secrets/policy.h"
#include "secrets/source.h"

/*
 * All secrets that were ever seen since boot, with their states.  A secret moves one way:
 *
 *	present -> delivered -> confirmed -> wiped		(or to wiped from any, when told to forget)
 *
 * A wiped secret never comes back in this boot: the owner injects before the launch, so what
 * the source shows under its name afterwards is somebody else's, or a wipe that did not work.
 *
 * What came of each delivery is kept for each consumer: that one volume was opened says nothing
 * about another.
 *
 * The store never holds plaintext; the bytes stay in the kernel's area until wiped.  Each
 * change is in the journal before the caller goes on, so that a keeper that dies at any point
 * finds its way back.  When the journal cannot be written the states hold in memory, and all of
 * them are written at the next change or store_sync() that can.
 */
struct store;

/* How to find a consumer's process again after a restart, and whether anybody was asked meanwhile. */
struct delivery_peer {
	uint32_t pid;		/* 0: unknown */
	uint64_t start;		/* /proc/PID/stat's 22nd field */
	uint64_t asked_inode;	/* the mark of the directory of questions, see volume.h */
	uint64_t asked_nsec;
	bool other_means;	/* it may open the volume with something else, with no question asked */
};

struct store_delivery {
	char consumer[128];			/* "cryptsetup:data" */
	enum delivery_outcome outcome, before;
	uint64_t outcome_usec;			/* CLOCK_BOOTTIME of the outcome */
	struct delivery_peer peer;
};

struct store_entry {
	struct secret_policy policy;
	const struct secret_source *source;		/* NULL: one that this machine does not have */
	size_t size;					/* in bytes */
	enum secret_state state;
	uint64_t since_usec[_SECRET_STATE_MAX];		/* CLOCK_REALTIME; 0: not reached */
	char delivered_to[128];				/* who had it last */
	struct store_delivery *deliveries;		/* a consumer once each */
	size_t n_deliveries;
	bool wipe_due;					/* as soon as nobody uses it, whatever the policy says */
	bool returned;					/* it is wiped, and its source shows it again; not in the journal */
	unsigned n_pending;				/* deliveries under way; not in the journal */
	uint64_t warned;				/* the keeper's: which warning was logged last */
};

/*
 * A store with the secrets that the journal at @journal_path remembers.  @policies are borrowed
 * and outlive it; with @directory (else NULL) that source replaces the machine's.  @ret is
 * yours.
 *
 * Returns what journal_read() does; with -ENOMEM alone there is no store.
 */
int store_new(const struct secret_policy *policies, size_t n_policies,
	      const struct secret_source *directory, const char *journal_path, struct store **ret);
struct store *store_free(struct store *s);
DEFINE_CLEANUP(struct store *, store_free)

/*
 * Look at the sources again: new secrets become present, those that somebody else has unlinked
 * become wiped.
 * Returns how many are new; -ENOENT when no source is there; the first errno of a source that
 * is there and cannot be read.
 */
int store_scan(struct store *s);

/*
 * Whether the secrets of @src count, which those of a host's table do not to begin with.  Those
 * that do not are not looked for, not read, and no volume's.
 */
void store_believe(struct store *s, const struct secret_source *src, bool believed);
bool store_believes(const struct store *s, const struct secret_source *src);

/*
 * The @i-th entry in the order of discovery, by name or GUID, or by the volume that asks; NULL
 * when there is none.  A GUID goes before a name that looks like one.
 */
struct store_entry *store_get(struct store *s, size_t i);
struct store_entry *store_find(struct store *s, const char *name_or_guid);

/*
 * The secret for @volume: one that names it, else one for any volume.  Of several that name it,
 * the first one of the first source that is not wiped.  Of several for any volume, the same but
 * of one source only: when the first source's are wiped, another's never stand in.  NULL when
 * no secret may go there; one that is wiped when all are, or the others may not stand in.
 */
struct store_entry *store_for_volume(struct store *s, const char *volume);

/*
 * The source of an index, and what the last scan said: a count, or a negative errno.  NULL
 * after the last.
 */
const struct secret_source *store_source(struct store *s, unsigned i, int *ret_result);

/*
 * Plaintext, for handing over at once.  @ret is yours.  Returns as source_read(); -ENOKEY also
 * when the entry is wiped, -EACCES when its source does not count.
 */
int store_read(const struct store *s, const struct store_entry *e, struct secret **ret);

/* What is known about @consumer; NULL when it never had the secret. */
const struct store_delivery *store_delivery_find(const struct store_entry *e, const char *consumer);

/*
 * The life of a delivery.  Offer before the first byte goes out; then either withdraw, when not
 * all was read, or note that it was (the secret becomes delivered), and the outcome when it is
 * known.  One that was only offered and is rejected, which happens when the keeper dies in
 * between, leaves the secret's state as it is: it may never have been read.  For `cococtl secrets get` DELIVERY_TAKEN is all there is.
 *
 * Return 0; an errno of writing the journal, and what was noted holds in memory even then;
 * -ENOMEM with nothing changed.
 */
int store_offer(struct store *s, struct store_entry *e, const char *consumer,
		const struct delivery_peer *peer);
int store_withdraw(struct store *s, struct store_entry *e, const char *consumer);
int store_deliver(struct store *s, struct store_entry *e, const char *consumer,
		  enum delivery_outcome outcome);

/*
 * Move @e on to @state; a state that it is in already, or has left behind, stays.  Returns 0 or
 * an errno of writing the journal; the state holds in memory even then.
 */
int store_advance(struct store *s, struct store_entry *e, enum secret_state state);

/* Note that @e is to be wiped when nobody uses it any more.  Returns as store_advance(). */
int store_set_wipe_due(struct store *s, struct store_entry *e);

/*
 * Unlink it, which zeroes the kernel's copy; the state becomes wiped.  Returns 0, also when the
 * journal cannot be written; an error of source_unlink() with the state as it was.
 */
int store_wipe(struct store *s, struct store_entry *e);

/* Write what could not be written before.  Returns 0, or the errno of writing. */
int store_sync(struct store *s);

/* Whether what was known before was lost in part, now or at an earlier start of this boot. */
bool store_is_lossy(const struct store *s);

#endif
