/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_READ_H
#define COCO_INJECT_LAUNCH_READ_H

#include "inject/launch/launch-input.h"
#include "inject/verb.h"

/* The parts of launch_input_read(), which return as it does. */

/* --firmware: the image, or for SEV and SEV-ES its hash and its end. */
int read_firmware(const struct args *a, struct launch_input *in, struct cause *why);

/* --kernel, --initrd, and the command line, for a firmware that was read. */
int read_kernel(const struct args *a, struct launch_input *in, struct cause *why);

/* How many CPUs there are and what their pages are, for a firmware that was read. */
int read_cpus(const struct args *a, struct launch_input *in, struct cause *why);

/* That @path, a @what, could not be read, for @r.  Returns -EIO or -ENOMEM. */
int failed_to_read(int r, const char *what, const char *path, struct cause *why);

#endif
