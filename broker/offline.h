/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_OFFLINE_H
#define COCO_BROKER_OFFLINE_H

#include "broker/args.h"
#include "broker/serve/settings.h"

/*
 * What the verbs work on that do without the server: the settings, and the store itself.  Nobody
 * else has it open then, unless it is an etcd.
 */
struct offline {
	const char *path;		/* of the settings */
	struct broker_settings settings;
	struct store *store;		/* NULL: not open */
};

/* @ret is for offline_done() in any case.  Returns 0, or an error of broker_settings_read(). */
int offline_read(const struct args *args, struct offline *ret, struct cause *why);

/* Returns 0; an error of store_open(), and for -EBUSY @why says how to stop the server. */
int offline_store(struct offline *o, struct cause *why);
void offline_done(struct offline *o);

/* A file without a name, for what is too large for memory.  Returns 0, or an errno of open(2). */
int offline_scratch(int *ret_fd, struct cause *why);

#endif
