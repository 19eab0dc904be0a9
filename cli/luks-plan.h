/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_LUKS_PLAN_H
#define COCO_CLI_LUKS_PLAN_H

#include "doctor/crypttab-line.h"
#include "wire/msg.h"

/* How a volume is opened at boot: its name, its line in crypttab, and the units that it needs. */
struct luks_plan {
	const char *root;		/* "", or the folder of another system */
	const char *uuid;
	struct stat st;			/* of its device */
	bool fits_copy;			/* its header is no longer than what is copied */
	char volume[MSG_NAME_LEN + 1];
	char unit[CRYPTTAB_UNIT_MAX];	/* the socket for its key */
	char header_unit[CRYPTTAB_UNIT_MAX];	/* copies its header; "" for none */
	/* the option by which a line that is there would have a copy; "" if it has, or cannot */
	char header_option[sizeof("header=") + CRYPTTAB_HEADER_MAX];
	char line[448];			/* that crypttab is to have; without newline */
	char *text;			/* what crypttab has now; its lines are cut */
	struct crypttab_line there;	/* the volume's line; ->number is 0 without one */
};

/*
 * Fill in the plan: ->root, ->uuid, ->st and ->fits_copy are the caller's, who also calls
 * luks_plan_done().
 * @name is the volume's, or NULL: what crypttab calls it, or else "luks-UUID".
 *
 * Returns 0; -EINVAL when crypttab speaks of another device, of another name, or twice of this
 * volume, or when the name cannot be; -EIO when crypttab cannot be read; then @c says why.
 */
int luks_plan_make(struct luks_plan *p, const char *name, struct cause *c);
void luks_plan_done(struct luks_plan *p);

/*
 * Enable the units, and then add the line unless it is there.  crypttab has its old content or the
 * new, whatever happens.  Returns 0; -EINVAL when crypttab changed since; -EIO; @c says why.
 */
int luks_plan_write(const struct luks_plan *p, struct cause *c);

#endif
