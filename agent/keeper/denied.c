/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/denied.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"

/* The entry of that pair, or one for it: a free one, or the one that is longest ago. */
static struct denial *entry_for(struct denied *d, const char *who, const char *secret)
{
	struct denial *oldest = &d->list[0];

	for (size_t i = 0; i < DENIED_MAX; i++) {
		struct denial *e = &d->list[i];

		if (e->n > 0 && streq(e->who, who) && streq(e->secret, secret))
			return e;
		if (e->n == 0 ? oldest->n > 0 : oldest->n > 0 && e->last_usec < oldest->last_usec)
			oldest = e;
	}
	*oldest = (struct denial){ .n = 0 };
	strcpy(oldest->who, who);
	strcpy(oldest->secret, secret);
	return oldest;
}

/* True if the log may have one more line now. */
static bool may_say(struct denied *d, uint64_t now_usec)
{
	if (d->n_burst == 0 || now_usec - d->burst_usec >= DENIED_QUIET_USEC) {
		d->burst_usec = now_usec;
		d->n_burst = 0;
	}
	return d->n_burst < DENIED_BURST;
}

const struct denial *denied_note(struct denied *d, const char *who, const char *secret,
				  const char *why, uint64_t now_usec, uint64_t date_usec,
				  bool *ret_say)
{
	char whose[sizeof(d->list[0].who)], name[sizeof(d->list[0].secret)],
		text[sizeof(d->list[0].why)];
	struct denial *e;

	(void)!snprintf(whose, sizeof(whose), "%s", who);
	(void)!snprintf(name, sizeof(name), "%s", secret);
	make_printable(whose);
	make_printable(name);
	(void)!snprintf(text, sizeof(text), "%s", why);
	make_printable(text);
	e = entry_for(d, whose, name);
	*ret_say = (e->n == 0 || now_usec - e->said_usec >= DENIED_QUIET_USEC ||
		    !streq(e->why, text)) &&
		   may_say(d, now_usec);
	strcpy(e->why, text);
	e->n++;
	e->last_usec = date_usec;
	if (*ret_say) {
		e->said_usec = now_usec;
		d->n_burst++;
	}
	return e;
}

void denial_format(const struct denial *e, const char *verb, char ret[static MSG_WARNING_LEN])
{
	snprintf(ret, MSG_WARNING_LEN, "%s%s%s %s %s%s%s: %s", e->who[0] ? "'" : "Somebody", e->who,
		 e->who[0] ? "'" : "", verb, e->secret[0] ? "secret '" : "a secret", e->secret,
		 e->secret[0] ? "'" : "", e->why);
}

int denied_warning(const struct denied *d, unsigned i, char ret[static MSG_WARNING_LEN])
{
	char date[TIME_TEXT_MAX];
	size_t len;

	for (size_t k = 0; k < DENIED_MAX; k++) {
		const struct denial *e = &d->list[k];

		if (e->n == 0 || i-- > 0)
			continue;
		if (!time_format((int64_t)(e->last_usec / 1000000), date))
			strcpy(date, "?");
		denial_format(e, "was refused", ret);
		len = strlen(ret);
		snprintf(ret + len, MSG_WARNING_LEN - len, " (%u time%s, last at %s)", e->n,
			 e->n == 1 ? "" : "s", date);
		return 1;
	}
	return 0;
}
