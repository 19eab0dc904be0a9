/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_OVERLAY_H
#define COCO_CLI_OVERLAY_H

#include "agent/config-file.h"

/*
 * A configuration as it would be with other files in it, for cocod's own reading: whoever wants to
 * write a file of it knows before what cocod would say.
 */
struct overlay_file {
	const char *path;	/* with the root */
	const char *text;
	size_t len;
};

struct overlay {
	const char *root;	/* "" for the machine's own */
	const struct overlay_file *files;	/* in the place of those that are there */
	size_t n;
};

extern const struct config_root_ops overlay_ops;

/* A root for the functions of agent/config-file.h; @o must live as long. */
#define OVERLAY_ROOT(o) { .path = (o)->root, .ops = &overlay_ops, .userdata = (void *)(o) }

/*
 * May @path have this text?  Returns 1 if it has it already, and 0 if it is not there or @replace.
 * -EEXIST when it has another text; -EIO when that cannot be said, after it has logged it.
 */
int overlay_may_write(const struct overlay_file *f, bool replace);

#endif
