/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_NEXT_OPTION_H
#define COCO_BASE_NEXT_OPTION_H

#include <getopt.h>

#include "base/macro.h"

/*
 * Like getopt_long(), but with its own error messages: an unknown option, or one without its
 * value, is reported in printable text, where getopt_long() would show the argument unchanged.
 *
 * Returns '?' after an error, which is logged; otherwise what getopt_long() returns, so -1 at the
 * end.
 */
int next_option(int argc, char **argv, const char *letters, const struct option *options);

#endif
