/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ATTEST_H
#define COCO_CLI_ATTEST_H

#include "cli/cococtl.h"

/* The verbs of `cococtl attest`. */
int attest_report(struct cli *cli, int argc, char **argv);

#endif
