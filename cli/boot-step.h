/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_BOOT_STEP_H
#define COCO_CLI_BOOT_STEP_H

#include "base/macro.h"
#include "wire/msg.h"

/*
 * Take @s for a step, whoever said so: end its texts, and make them printable.  Returns false if it
 * is none: a step that nobody knows, or a time that no boot has.
 */
bool boot_step_take(struct msg_stamp *s);

/*
 * Read a line "USEC STEP CONSUMER SECRET" of a record's .probe/steps, with "-" for no consumer and
 * no secret.  Returns false, with nothing written, for any other line.
 */
bool boot_step_read(const char *line, struct msg_stamp *ret);

#endif
