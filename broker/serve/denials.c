/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/denials.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/text.h"

struct denials {
	pthread_mutex_t lock;
	unsigned n;			/* how many are there */
	unsigned next;			/* where the next one goes */
	uint32_t counter;		/* for ids, if there is no randomness */
	struct denial ring[DENIALS_MAX];
};

int denials_new(struct denials **ret)
{
	struct denials *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	if (pthread_mutex_init(&d->lock, NULL) != 0) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

struct denials *denials_free(struct denials *d)
{
	if (d) {
		(void) pthread_mutex_destroy(&d->lock);
		free(d);
	}
	return NULL;
}

/* The @i-th newest. */
static const struct denial *newest(const struct denials *d, unsigned i)
{
	return &d->ring[(d->next + DENIALS_MAX - 1 - i) % DENIALS_MAX];
}

static const struct denial *find(const struct denials *d, const char *id)
{
	for (unsigned i = 0; i < d->n; i++)
		if (streq(newest(d, i)->id, id))
			return newest(d, i);
	return NULL;
}

/*
 * An id tells its guest nothing, not even how many others were refused.  Who may resolve it is the
 * admin socket's to decide, so that it need not be long.
 */
static void new_id(struct denials *d, char ret[static DENIAL_ID_LEN])
{
	uint32_t n;

	do {
		if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
			n = d->counter;
		d->counter++;
		(void) snprintf(ret, DENIAL_ID_LEN, "%04x-%04x", n >> 16, n & 0xffff);
	} while (find(d, ret));
}

/* What guests sent may be in any of these. */
static void make_all_printable(struct denial *what)
{
	make_printable(what->step);
	make_printable(what->code);
	make_printable(what->path);
	make_printable(what->peer);
	make_printable(what->tee);
	make_printable(what->chip);
	make_printable(what->measurement);
	make_printable(what->reason);
}

static void note(struct denials *d, const struct denial *what, const char *id)
{
	struct denial *to = &d->ring[d->next];
	char kept[DENIAL_ID_LEN];

	(void) snprintf(kept, sizeof(kept), "%s", id);
	*to = *what;
	memcpy(to->id, kept, DENIAL_ID_LEN);
	to->at = (int64_t)time(NULL);
	make_all_printable(to);
	d->next = (d->next + 1) % DENIALS_MAX;
	d->n = MIN(d->n + 1, DENIALS_MAX);
}

void denials_note(struct denials *d, const struct denial *what, char ret_id[static DENIAL_ID_LEN])
{
	(void) pthread_mutex_lock(&d->lock);
	new_id(d, ret_id);
	note(d, what, ret_id);
	(void) pthread_mutex_unlock(&d->lock);
}

void denials_note_as(struct denials *d, const struct denial *what)
{
	(void) pthread_mutex_lock(&d->lock);
	note(d, what, what->id);
	(void) pthread_mutex_unlock(&d->lock);
}

int denials_find(struct denials *d, const char *id, struct denial *ret)
{
	const struct denial *found;

	(void) pthread_mutex_lock(&d->lock);
	found = find(d, id);
	if (found)
		*ret = *found;
	(void) pthread_mutex_unlock(&d->lock);
	return found ? 0 : -ENOENT;
}

void denials_walk(struct denials *d, unsigned max,
		  int (*each)(void *userdata, const struct denial *d), void *userdata)
{
	int r = 0;

	/* The lock is not held while @each works, so that a slow reader delays no guest. */
	for (unsigned i = 0; i < max && r == 0; i++) {
		struct denial one;
		bool there;

		(void) pthread_mutex_lock(&d->lock);
		there = i < d->n;
		if (there)
			one = *newest(d, i);
		(void) pthread_mutex_unlock(&d->lock);
		if (!there)
			return;
		r = each(userdata, &one);
	}
}
