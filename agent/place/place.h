/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_PLACE_PLACE_H
#define COCO_AGENT_PLACE_PLACE_H

#include "base/cause.h"
#include "base/secret.h"
#include "wire/msg.h"

/*
 * What one process of cocod-place does: it puts a secret in two steps, or removes one.
 *
 * What was prepared is known to nobody but this process, and is gone when the process is.  So the
 * keeper can note where the secret is going to be before it is there, and a keeper that dies in
 * between leaves nothing that nobody remembers.
 */
struct place {
	struct place_order order;
	const char *folder;		/* of files; PLACE_FOLDER */
	struct secret *bytes;		/* NULL to remove */
	int folder_fd, fd;		/* of a file; -EBADF */
	uint32_t id;			/* of what was prepared */
};

#define PLACE_FOLDER "/run/cocod.files"

/* Each returns 0, or a negative errno with the reason in @why. */
struct place_ops {
	const char *name, *socket;
	/* Check what the kind knows to be wrong in p->order; the names are terminated. */
	int (*check)(const struct place_order *o);
	/* Make it with all it is to have, and set p->id. */
	int (*prepare)(struct place *p, struct cause *why);
	/* It appears, at once and whole; nothing that is there already is replaced. */
	int (*commit)(struct place *p, struct cause *why);
	/* Wipe what was prepared, and is not to appear. */
	void (*drop)(struct place *p);
	/* Nobody can read it any more.  What is gone already is no error. */
	int (*remove)(struct place *p, struct cause *why);
};

extern const struct place_ops place_key, place_file;

/*
 * Serve one connection of the keeper's, up to its end.  Returns 0; -EPROTO when the other side
 * broke the protocol; an errno of frame_recv() or frame_send().
 */
int place_serve(const struct place_ops *ops, int conn, const char *folder);

#endif
