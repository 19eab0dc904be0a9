/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_STORE_H
#define COCO_SECRETS_STORE_H

#include "base/macro.h"
#include "base/secret.h"
#include "secrets/journal.h"
#include "secrets/policy.h"
#include "secrets/source.h"

/*
 * All secrets seen since boot, with their states.  A secret moves one way:
 *
 *	present -> delivered -> confirmed -> wiped  (or to wiped from any state, on request)
 *
 * A wiped secret never comes back in this boot.  The owner injects before the launch, so whatever
 * the source shows under its name afterwards is somebody else's, or a wipe that did not work.
 *
 * A secret that a broker has is present from the start, and shown as remote.  Wiped means for it
 * that the broker is not asked again in this boot.  A launch secret and one from the broker stand
 * in for one another only if they have one policy, which allows both.
 *
 * The outcome of each delivery is kept for each consumer: that one volume was opened says nothing
 * about another.
 *
 * The store never holds plaintext; the bytes stay in the kernel's area until they are wiped.
 * Each change is in the journal before the caller goes on, so that a keeper that dies at any
 * point finds its way back.  When the journal cannot be written, the states hold in memory, and
 * all of them are written at the next change or store_sync() that succeeds.
 */
struct store;

/*
 * What is needed to find a consumer's process again after a restart, and to tell whether anybody
 * was asked meanwhile.
 */
struct delivery_peer {
	uint32_t pid;		/* 0: unknown */
	uint64_t start;		/* /proc/PID/stat's 22nd field */
	uint64_t asked_inode;	/* the mark of the directory of questions, see volume.h */
	uint64_t asked_nsec;
	bool other_means;	/* it may open the volume by other means, without asking anybody */
	uint32_t placed;	/* the serial number of the key in a keyring, or 0 */
};

struct store_delivery {
	char consumer[128];			/* "cryptsetup:data" */
	enum delivery_outcome outcome, before;
	uint64_t outcome_usec;			/* CLOCK_BOOTTIME of the outcome */
	struct delivery_peer peer;
};

struct store_entry {
	struct secret_policy policy;
	bool configured;	/* the policy is not the default */
	/*
	 * NULL: a source that this machine does not have; the broker only while there is no
	 * launch secret with this GUID
	 */
	const struct secret_source *source;
	size_t size;					/* in bytes */
	enum secret_state state;
	uint64_t since_usec[_SECRET_STATE_MAX];		/* CLOCK_REALTIME; 0: not reached */
	char delivered_to[128];				/* the last consumer */
	struct store_delivery *deliveries;		/* no two with the same consumer */
	size_t n_deliveries;
	/* wipe it as soon as nobody uses it, whatever the policy says */
	bool wipe_due;
	/* wiped, but its source shows it again; not in the journal */
	bool returned;
	/* of its file, and of the scan that has seen it; not in the journal */
	uint64_t inode, mark;
	/* deliveries under way; not in the journal */
	unsigned n_pending;
	/* it could not be removed from a keyring or a file; not in the journal */
	bool still_placed;
	/* for the keeper: the last warning that was logged, and that it was found */
	uint64_t warned;
	bool said_found;
};

/*
 * Make a store with the secrets that the journal at @journal_path remembers.  @policies are
 * borrowed and must outlive the store.  @directory, if not NULL, is a source that replaces the
 * machine's sources.  @ret is yours.
 *
 * Returns what journal_read() returns; only with -ENOMEM is there no store.
 */
int store_new(const struct secret_policy *policies, size_t n_policies,
	      const struct secret_source *directory, const char *journal_path, struct store **ret);
struct store *store_free(struct store *s);
DEFINE_CLEANUP(struct store *, store_free)

/*
 * Look at the sources again: new secrets become present, and secrets that somebody else has
 * unlinked become wiped.  Their directories are read; files are looked at only where these have
 * changed, so that the size of one that was written to is what store_look() finds.
 *
 * Returns the number of new secrets; -ENOENT when no source exists; the first errno of a source
 * that exists and cannot be read.
 */
int store_scan(struct store *s);

/*
 * Whether the secrets of @src count.  At first, secrets of a host's table do not.  Secrets that
 * do not count are not looked for, not read, and not given to a volume.
 */
void store_believe(struct store *s, const struct secret_source *src, bool believed);
bool store_believes(const struct store *s, const struct secret_source *src);

/*
 * The @i-th entry in the order of discovery, or the entry with a name or GUID; NULL when it does
 * not exist.  A GUID is preferred to a name that looks like a GUID.
 */
struct store_entry *store_get(struct store *s, size_t i);
struct store_entry *store_find(struct store *s, const char *name_or_guid);

/* True if the broker has @e, and no launch secret is here in its place. */
bool store_is_remote(const struct store_entry *e);

/*
 * The @n-th origin from which @e can be had now, in the order of preference: a launch secret that
 * is here and counts, the broker if the policy names a secret there.  Returns 1, or 0 when there
 * are no more, as for a wiped secret.
 */
int store_origin(const struct store *s, const struct store_entry *e, unsigned n,
		 enum secret_origin *ret);

/*
 * The secret for @volume.  A secret that names the volume is preferred to one for any volume.  Of
 * several that name it, the first of the first source that is not wiped is chosen.  Of several
 * for any volume too, but only from the first source: when all of these are wiped, those of
 * another source never take their place.
 *
 * No secret takes the place of one with other origins, whether that is wiped or was never
 * injected, even if both are for the volume; and where the broker has a secret for any volume, a
 * launch secret that nobody configured does not count.
 *
 * NULL when no secret may go to the volume.  The result is a wiped secret when all are wiped, or
 * when the others may not take its place.
 */
struct store_entry *store_for_volume(struct store *s, const char *volume);

/*
 * The @i-th source, with the result of its last scan: a count, or a negative errno.  NULL after
 * the last.
 */
const struct secret_source *store_source(struct store *s, unsigned i, int *ret_result);

/* Look at the file of @e, whose size may be another by now if it is in a directory for tests. */
void store_look(struct store *s, struct store_entry *e);

/*
 * Read the plaintext, to be handed over at once.  @ret is yours.  Returns what source_read()
 * returns; -ENOKEY also when the entry is wiped, -EACCES when its source does not count, -EREMOTE
 * when the broker has to be asked.
 */
int store_read(const struct store *s, const struct store_entry *e, struct secret **ret);

/* The delivery to @consumer; NULL when it never had the secret. */
const struct store_delivery *store_delivery_find(const struct store_entry *e, const char *consumer);

/* True if @consumer has had the whole secret before, whatever became of it then. */
bool store_was_delivered(const struct store_entry *e, const char *consumer);

/*
 * The life of a delivery: offer before the first byte goes out.  Then either withdraw, when not
 * all was read; or note that all was read, and the secret becomes delivered.  Then note the
 * outcome when it is known.  For `cococtl secrets get` DELIVERY_TAKEN is the only note.
 *
 * If the keeper dies in between, a delivery that was only offered may be rejected.  The secret's
 * state stays, because the secret may never have been read.
 *
 * Return 0; an errno of writing the journal, but the note still holds in memory; -ENOMEM with
 * nothing changed.
 */
int store_offer(struct store *s, struct store_entry *e, const char *consumer,
		const struct delivery_peer *peer);
int store_withdraw(struct store *s, struct store_entry *e, const char *consumer);
int store_deliver(struct store *s, struct store_entry *e, const char *consumer,
		  enum delivery_outcome outcome);

/*
 * Nothing is left of the delivery to @consumer: what was put into a keyring or a file is removed.
 * The state of @e stays.  Returns 0, or an errno of writing the journal, but the note still holds
 * in memory.
 */
int store_forget(struct store *s, struct store_entry *e, const char *consumer);

/*
 * Move @e on to @state.  Nothing changes when @e has reached that state already.  Returns 0, or
 * an errno of writing the journal, but the state still holds in memory.
 */
int store_advance(struct store *s, struct store_entry *e, enum secret_state state);

/*
 * Note that @e must be wiped when nobody uses it any more.  Returns what store_advance() returns.
 */
int store_set_wipe_due(struct store *s, struct store_entry *e);

/*
 * Unlink the secret, which zeroes the kernel's copy; its state becomes wiped.  One that the
 * broker has just becomes wiped.  Returns 0, also
 * when the journal cannot be written; or an error of source_unlink(), and then the state is
 * unchanged.
 */
int store_wipe(struct store *s, struct store_entry *e);

/* Write changes that could not be written before.  Returns 0, or the errno of writing. */
int store_sync(struct store *s);

/*
 * Between these, changes are not written one by one, but together by the last store_let_go(),
 * which returns what store_sync() returns.  For many changes that need no journal: to settle after
 * a restart comes to the same, and so does to wipe what has been noted as due.
 */
void store_hold(struct store *s);
int store_let_go(struct store *s);
bool store_is_held(const struct store *s);

/* True if something known earlier was lost, now or at an earlier start in this boot. */
bool store_is_lossy(const struct store *s);

#endif
