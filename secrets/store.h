/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SECRETS_STORE_H
#define COCO_SECRETS_STORE_H

#include "base/macro.h"
#include "base/secret.h"
#include "secrets/policy.h"
#include "secrets/source.h"

/*
 * All secrets that were ever seen since boot, with their states.  A secret moves one way:
 *
 *	present -> delivered -> confirmed -> wiped		(or present -> wiped, when told to forget)
 *
 * The store never holds plaintext; the bytes stay in the kernel's area until wiped.  Each
 * change is in the journal before the caller goes on, so that a keeper that dies at any point
 * finds its way back.
 */
struct store;

struct store_entry {
	struct secret_policy policy;
	const struct secret_source *source;
	size_t size;					/* in bytes */
	enum secret_state state;
	uint64_t since_usec[_SECRET_STATE_MAX];		/* CLOCK_REALTIME; 0: not reached */
	char delivered_to[128];				/* "cryptsetup:data" */
	bool rejected;					/* it did not open the volume that had it last */
	unsigned n_pending;				/* deliveries under way; not in the journal */
};

/*
 * A store with the secrets that the journal at @journal_path remembers.  @policies are borrowed
 * and outlive it; with @directory (else NULL) that source replaces the machine's.  @ret is
 * yours.
 *
 * Returns 0; 1 when the journal was damaged and what could be read was kept; an error of
 * journal_open().
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
 * The @i-th entry in the order of discovery, by name or GUID, or by the volume that asks; NULL
 * when there is none.
 */
struct store_entry *store_get(struct store *s, size_t i);
struct store_entry *store_find(struct store *s, const char *name_or_guid);

/*
 * The secret for @volume: one that names it, else one for any volume; of these rather one that
 * is not wiped.  NULL when no secret may go there.
 */
struct store_entry *store_for_volume(struct store *s, const char *volume);

/*
 * The source of an index, and what the last scan said: a count, or a negative errno.  NULL
 * after the last.
 */
const struct secret_source *store_source(struct store *s, unsigned i, int *ret_result);

/*
 * Plaintext, for handing over at once.  @ret is yours.  Returns as source_read(); -ENOKEY also
 * when the entry is wiped.
 */
int store_read(const struct store_entry *e, struct secret **ret);

/*
 * Move @e on to @state; a state that it is in already, or has left behind, stays.  @consumer
 * (may be NULL) becomes who had it last.
 * Returns 0 or an errno of writing the journal; the state holds in memory even then.
 */
int store_advance(struct store *s, struct store_entry *e, enum secret_state state,
		  const char *consumer);

/* Note that the volume which had it last did not open.  Returns as store_advance(). */
int store_reject(struct store *s, struct store_entry *e);

/*
 * Unlink it, which zeroes the kernel's copy; the state becomes wiped.  Returns 0; an error of
 * source_unlink() with the state as it was.
 */
int store_wipe(struct store *s, struct store_entry *e);

#endif
