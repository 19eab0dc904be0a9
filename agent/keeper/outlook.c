/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/outlook.h"

#include <stdio.h>

/*
 * What is known about the volumes of one secret.  The names are the first of each kind, for
 * people.
 */
struct findings {
	unsigned n_named, n_opened;
	bool pending;			/* a volume has it, and its outcome is not known yet */
	bool unfinished;		/* a volume may still want it */
	uint64_t wait_usec;
	const char *opened, *rejected, *undecided, *stranger, *awaited;
	char names[5][MSG_NAME_LEN + 1];
};

static bool is_pending(const struct store_delivery *d)
{
	return d && (d->outcome == DELIVERY_OFFERED || d->outcome == DELIVERY_READ);
}

static void note(const char **kind, char room[static MSG_NAME_LEN + 1], const char *volume)
{
	if (*kind)
		return;
	snprintf(room, MSG_NAME_LEN + 1, "%s", volume);
	*kind = room;
}

/* Take note of one volume and its delivery @d (NULL: the volume never had the secret). */
static void look_at(const char *volume, const struct store_delivery *d, bool open, uint64_t now,
		    struct findings *f)
{
	if (d && d->outcome == DELIVERY_OPENED) {
		f->n_opened++;
		if (open)
			note(&f->opened, f->names[0], volume);
		return;
	}
	if (is_pending(d)) {
		f->pending = f->unfinished = true;
		return;
	}
	if (open) {
		if (d && d->outcome == DELIVERY_UNDECIDED)
			note(&f->undecided, f->names[1], volume);
		else if (d && d->outcome == DELIVERY_REJECTED)
			note(&f->rejected, f->names[2], volume);
		else
			note(&f->stranger, f->names[3], volume);
		return;
	}
	if (d && d->outcome == DELIVERY_UNDECIDED)
		return;
	note(&f->awaited, f->names[4], volume);
	if (d && now >= d->outcome_usec && now - d->outcome_usec >= OUTLOOK_RETRY_USEC)
		return;
	f->unfinished = true;
	if (d) {
		uint64_t wait = OUTLOOK_RETRY_USEC - (now - MIN(now, d->outcome_usec));

		f->wait_usec = MAX(f->wait_usec, wait);
	}
}

static void warn(const struct store_entry *e, const struct findings *f, char *ret)
{
	const char *name = e->policy.name;

	if (f->undecided)
		snprintf(ret, OUTLOOK_WARNING_LEN,
			 "Secret '%s' is kept: volume '%s' was opened while nobody watched, with "
			 "it or with another key. When it is no longer "
			 "needed: cococtl secrets wipe %s",
			 name, f->undecided, name);
	else if (f->rejected && !f->opened)
		snprintf(ret, OUTLOOK_WARNING_LEN,
			 "Secret '%s' is kept: it did not open volume '%s', which is open with "
			 "another key. Compare it with the volume's passphrase, then: cococtl "
			 "secrets wipe %s",
			 name, f->rejected, name);
	else if (f->opened && f->awaited)
		snprintf(ret, OUTLOOK_WARNING_LEN,
			 "Secret '%s' is kept: volume '%s' is open with it, but '%s' is not open. "
			 "When that one does not need it: cococtl secrets wipe %s",
			 name, f->opened, f->awaited, name);
	else if (f->stranger)
		snprintf(ret, OUTLOOK_WARNING_LEN,
			 "Secret '%s' is kept: volume '%s' is open, but not with it. When it is no "
			 "longer needed: cococtl secrets wipe %s",
			 name, f->stranger, name);
}

/* How long the unit of @d is still using its credential. */
static uint64_t lease_of(const struct store_delivery *d, uint64_t now)
{
	uint64_t age = now - MIN(now, d->outcome_usec);

	return startswith(d->consumer, CONSUMER_CREDENTIAL ":") && d->outcome == DELIVERY_TAKEN &&
			       age < OUTLOOK_LEASE_USEC ?
		       OUTLOOK_LEASE_USEC - age :
		       0;
}

void outlook_judge(const struct store_entry *e,
		   int (*is_open)(void *userdata, const char *volume), void *userdata,
		   uint64_t now_usec, struct outlook *ret)
{
	static const char prefix[] = CONSUMER_CRYPTSETUP ":";
	char volume[MSG_NAME_LEN + 1], consumer[sizeof(prefix) + MSG_NAME_LEN];
	struct findings f = { 0 };

	*ret = (struct outlook){ 0 };
	for (; secret_policy_volume(&e->policy, f.n_named, volume) > 0; f.n_named++) {
		snprintf(consumer, sizeof(consumer), "%s%s", prefix, volume);
		look_at(volume, store_delivery_find(e, consumer), is_open(userdata, volume) > 0,
			now_usec, &f);
	}
	for (size_t i = 0; i < e->n_deliveries; i++)
		ret->lease_usec = MAX(ret->lease_usec, lease_of(&e->deliveries[i], now_usec));
	for (size_t i = 0; i < e->n_deliveries && f.n_named == 0; i++) {
		const char *to = startswith(e->deliveries[i].consumer, prefix);

		if (to && strlen(to) <= MSG_NAME_LEN)
			look_at(to, &e->deliveries[i], is_open(userdata, to) > 0, now_usec,
				&f);
	}
	ret->confirmed = f.n_opened > 0 && f.n_opened >= f.n_named && !f.pending;
	ret->used_up = ret->confirmed || (f.n_opened > 0 && !f.unfinished);
	if (f.n_opened > 0 && !ret->used_up)
		ret->wait_usec = f.wait_usec;
	if (e->state != SECRET_WIPED && !ret->used_up &&
	    (e->policy.wipe == WIPE_CONFIRMED || e->policy.wipe == WIPE_DELIVERED))
		warn(e, &f, ret->warning);
}
