/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_READ_H
#define COCO_INJECT_LAUNCH_READ_H

#include "inject/launch/launch-input.h"
#include "inject/verb.h"

/*
 * The parts of launch_input_read().  All return STATUS_GOOD, or say what is wrong and return
 * what launch_input_read() does.
 */

/* --firmware: the image, or for SEV and SEV-ES its hash and its end. */
enum status read_firmware(const struct args *a, struct launch_input *in);

/* --kernel, --initrd, and the command line, for a firmware that was read. */
enum status read_kernel(const struct args *a, struct launch_input *in);

/* How many CPUs there are and what their pages are, for a firmware that was read. */
enum status read_cpus(const struct args *a, struct launch_input *in);

/* That @path, a @what, could not be read. */
enum status failed_to_read(int r, const char *what, const char *path);

#endif
