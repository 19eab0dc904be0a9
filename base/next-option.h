/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_NEXT_OPTION_H
#define COCO_BASE_NEXT_OPTION_H

#include <getopt.h>

#include "base/macro.h"

/*
 * getopt_long(), but for what it says: an option that is none, or lacks its value, is an error
 * of ours and printable, where getopt_long() would show the argument as it is.
 *
 * Returns '?' then, after an error that was logged; else as getopt_long(), so -1 at the end.
 */
int next_option(int argc, char **argv, const char *letters, const struct option *options);

#endif
