/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/delivery.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"

void delivery_free(struct delivery *d)
{
	struct store_entry *e = d->entry;
	struct keeper *k = d->keeper;
	bool pending = d->pending;

	sd_event_source_disable_unref(d->io);
	sd_event_source_disable_unref(d->timer);
	sd_event_source_disable_unref(d->exit);
	sd_event_source_disable_unref(d->questions);
	sd_event_source_disable_unref(d->hangup);
	fetch_free(d->fetch);
	secret_free(d->key);
	(void) close_fd(d->fd);
	(void) close_fd(d->pidfd);
	worker_call_free(d->call);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	free(d);
	k->n_deliveries--;
	if (e && pending)
		e->n_pending--;
	if (e)
		keeper_settle(k, e);
}

void delivery_take_entry(struct delivery *d, struct store_entry *e)
{
	d->entry = e;
	d->pending = true;
	e->n_pending++;
}

int delivery_new(struct keeper *k, int fd, struct delivery **ret)
{
	struct delivery *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct delivery){
		.keeper = k,
		.next = k->deliveries,
		.prev = &k->deliveries,
		.fd = fd,
		.pidfd = -EBADF,
	};
	if (d->next)
		d->next->prev = &d->next;
	k->deliveries = d;
	k->n_deliveries++;
	*ret = d;
	return 0;
}

uint64_t delivery_now(const struct delivery *d)
{
	uint64_t usec = 0;

	(void) sd_event_now(d->keeper->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

void delivery_decline(struct delivery *d, const char *format, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	log_warning("Volume '%s' gets no key: %s", d->volume, why);
	if (d->offered)
		keeper_noted(d->keeper, store_withdraw(d->keeper->store, d->entry, d->consumer));
	delivery_free(d);
}

int delivery_start_polling(struct delivery *d, uint64_t usec, sd_event_time_handler_t handler)
{
	d->deadline = delivery_now(d) + usec;
	d->timer = sd_event_source_disable_unref(d->timer);
	return sd_event_add_time_relative(d->keeper->event, &d->timer, CLOCK_MONOTONIC, 0, 1,
					  handler, d);
}

int delivery_poll_again(struct delivery *d, uint64_t usec)
{
	int r = sd_event_source_set_time_relative(d->timer, usec);

	return r < 0 ? r : sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

const char *delivery_peer(const struct delivery *d)
{
	return d->keeper->initramfs ? "cocod-key" : "systemd-cryptsetup";
}

int delivery_request(const struct delivery *d, struct volume_request *ret)
{
	_cleanup_(freep) char *cmdline = NULL;
	struct volume_request req;
	char path[64];
	size_t len;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)d->pid);
	r = read_file_at(AT_FDCWD, path, 4096, &cmdline, &len);
	if (r >= 0)
		r = volume_request_parse(cmdline, len, &req);
	if (r < 0)
		return r;
	if (!streq(req.volume, d->volume))
		return -EINVAL;
	*ret = req;
	return 0;
}
