/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_READ_H
#define COCO_INJECT_LAUNCH_READ_H

#include "inject/launch/file-hash.h"
#include "inject/launch/launch-input.h"
#include "inject/verb.h"

/* The parts of launch_input_read(), which return as it does. */

/* What is hashed beside each other.  Errors are told in the order in which all would be read. */
struct reading {
	struct pool pool;
	struct sha sha256;	/* empty when there is no kernel */
	struct file_hash kernel, initrd;
	int firmware;		/* SNP: while it is hashed from the file, or -EBADF */
};

/* Begin with the kernel and the initrd, if any.  @ret is yours in any case, for reading_done(). */
int reading_begin(const struct args *a, struct reading *ret, struct cause *why);
void reading_done(struct reading *r);

/*
 * --firmware: the image, or for SEV and SEV-ES its hash and its end.  Of a large image for SNP it
 * is the end, and what is before stays in the file, which @reading keeps.  NULL for TDX.
 */
int read_firmware(const struct args *a, struct launch_input *in, struct reading *reading,
		  struct cause *why);

/* --kernel, --initrd, and the command line, for a firmware that was read. */
int read_kernel(const struct args *a, struct launch_input *in, struct reading *reading,
		struct cause *why);

/* How many CPUs there are and what their pages are, for a firmware that was read. */
int read_cpus(const struct args *a, struct launch_input *in, struct cause *why);

/* That @path, a @what, could not be read, for @r.  Returns -EIO or -ENOMEM. */
int failed_to_read(int r, const char *what, const char *path, struct cause *why);

#endif
