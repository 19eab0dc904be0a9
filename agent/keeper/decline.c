/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/decline.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/keeper/event.h"
#include "agent/keeper/volume-header.h"
#include "base/log.h"

/* What counts is what systemd-cryptsetup would open with any key: of its tokens it tries none. */
static void on_declined_verdict(struct delivery *d, int error, const char *why)
{
	if (error == 0)
		d->header = HEADER_GOOD;
	else
		log_warning("Volume '%s' has no good header: %s", d->volume, why);
	delivery_free(d);
}

void delivery_decline(struct delivery *d, const char *format, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	event_log(&(struct event){ .kind = EVENT_DENIED,
				   .priority = LOG_WARNING,
				   .secret = d->entry ? d->entry->policy.name : d->wanted,
				   .consumer = d->consumer,
				   .reason = why },
		  "%s '%s' gets no %s: %s", d->kind->noun, delivery_target(d), d->kind->what, why);
	if (d->offered)
		keeper_noted(d->keeper, store_withdraw(d->keeper->store, d->entry, d->consumer));
	d->offered = false;
	if (!delivery_waits(d) || !delivery_wants_judge(d) || d->header == HEADER_REFUSED) {
		delivery_refuse(d);
		return;
	}
	d->io = watch_free(d->io);
	d->timer = watch_free(d->timer);
	d->hangup = watch_free(d->hangup);
	d->fetch = fetch_free(d->fetch);
	volume_header_judge(d, /* any_token= */ true, on_declined_verdict);
}
