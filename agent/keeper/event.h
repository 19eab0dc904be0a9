/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_EVENT_H
#define COCO_AGENT_KEEPER_EVENT_H

#include "agent/keeper/event-ids.h"
#include "base/macro.h"

struct store_entry;

/*
 * A message about the gate or a secret.  In systemd's journal it has a MESSAGE_ID and fields;
 * elsewhere it is the line that log_full() writes.
 *
 * The fields are names and reasons, never bytes of a secret.  Each is made printable and cut off
 * after EVENT_FIELD_MAX bytes; NULL and "" are left out.
 */
#define EVENT_FIELD_MAX 512

struct event_field {
	const char *name, *value;
};

struct event {
	enum event_kind kind;
	int priority;			/* LOG_ERR ... LOG_DEBUG */
	const char *secret;		/* COCO_SECRET=, its name */
	/* COCO_CONSUMER=, such as "credential:app.service"; COCO_UNIT= is taken from it */
	const char *consumer;
	const char *state;		/* COCO_STATE=, the state of the secret now */
	const char *origin;		/* COCO_ORIGIN=, a source's name or "broker" */
	const char *reason;		/* COCO_REASON= */
	const struct event_field *more;	/* further fields; the last has no name; may be NULL */
};

/*
 * Call @heard with each event, also with one that is not logged at this level; NULL: nobody.  There
 * is one listener in a process.
 */
void event_listen(void (*heard)(void *userdata, const struct event *e), void *userdata);

void event_log(const struct event *e, const char *format, ...) _printf_(2, 3);

/* Log a step of the life of @e, at LOG_NOTICE: its name, its state and its source are fields. */
void event_log_secret(enum event_kind kind, const struct store_entry *e, const char *consumer,
		      const char *format, ...) _printf_(4, 5);

#endif
