/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/event.h"

#include <stdio.h>
#include <sys/uio.h>

#include "agent/keeper/event-journal.h"
#include "base/log.h"
#include "secrets/store.h"

#define TEXT_MAX 1536

static struct {
	void (*heard)(void *userdata, const struct event *e);
	void *userdata;
} listener;

void event_listen(void (*heard)(void *userdata, const struct event *e), void *userdata)
{
	listener.heard = heard;
	listener.userdata = userdata;
}

/* The fields of one message, in one block. */
struct fields {
	struct iovec list[EVENT_JOURNAL_MAX];
	int n;
	char text[EVENT_JOURNAL_MAX * 128 + TEXT_MAX + 5 * EVENT_FIELD_MAX];
	size_t len;
};

/* Fields that do not fit are left out; those that count most come first. */
static void add(struct fields *f, const char *name, const char *value, size_t max)
{
	size_t room = sizeof(f->text) - f->len;
	char *start = f->text + f->len;
	int n;

	if (!value || !value[0] || f->n == EVENT_JOURNAL_MAX)
		return;
	n = snprintf(start, room, "%s=%.*s", name, (int)max, value);
	if (n < 0 || (size_t)n >= room)
		return;
	/* A new line in a field would be fine for the journal, but not for who reads it. */
	make_printable(start + strlen(name) + 1);
	n = (int)strlen(start);
	f->list[f->n++] = (struct iovec){ .iov_base = start, .iov_len = (size_t)n };
	f->len += (size_t)n + 1;
}

static void fill(struct fields *f, const struct event *e, const char *text)
{
	const char priority[] = { (char)('0' + e->priority), '\0' };

	add(f, "MESSAGE", text, TEXT_MAX);
	add(f, "MESSAGE_ID", event_kinds[e->kind].id, EVENT_FIELD_MAX);
	add(f, "PRIORITY", priority, 1);
	add(f, "SYSLOG_IDENTIFIER", "cocod", EVENT_FIELD_MAX);
	add(f, "COCO_EVENT", event_kinds[e->kind].name, EVENT_FIELD_MAX);
	add(f, "COCO_SECRET", e->secret, EVENT_FIELD_MAX);
	add(f, "COCO_CONSUMER", e->consumer, EVENT_FIELD_MAX);
	add(f, "COCO_UNIT", e->consumer ? startswith(e->consumer, CONSUMER_CREDENTIAL ":") : NULL,
	    EVENT_FIELD_MAX);
	add(f, "COCO_STATE", e->state, EVENT_FIELD_MAX);
	add(f, "COCO_ORIGIN", e->origin, EVENT_FIELD_MAX);
	add(f, "COCO_REASON", e->reason, EVENT_FIELD_MAX);
	for (const struct event_field *m = e->more; m && m->name; m++)
		add(f, m->name, m->value, EVENT_FIELD_MAX);
}

static void event_logv(const struct event *e, const char *format, va_list ap)
{
	struct fields f = { .n = 0 };
	char text[TEXT_MAX];

	if (listener.heard)
		listener.heard(listener.userdata, e);
	(void) vsnprintf(text, sizeof(text), format, ap);
	if (log_is_journal(e->priority)) {
		fill(&f, e, text);
		if (event_journal_send(f.list, f.n) >= 0)
			return;
	}
	(void) log_full(e->priority, 0, "%s", text);
}

void event_log(const struct event *e, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	event_logv(e, format, ap);
	va_end(ap);
}

void event_log_secret(enum event_kind kind, const struct store_entry *e, const char *consumer,
		      const char *format, ...)
{
	bool remote = e->state == SECRET_PRESENT && store_is_remote(e);
	const struct event event = {
		.kind = kind,
		.priority = LOG_NOTICE,
		.secret = e->policy.name,
		.consumer = consumer,
		.state = remote ? SECRET_STATE_REMOTE : secret_state_name(e->state),
		.origin = e->source ? e->source->name : NULL,
	};
	va_list ap;

	va_start(ap, format);
	event_logv(&event, format, ap);
	va_end(ap);
}
