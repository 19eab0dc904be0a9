/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_CHECK_H
#define COCO_AGENT_KEEPER_CONFIG_CHECK_H

/*
 * `cocod --check-config`: read the whole configuration below @root ("" is the machine's) and log
 * a line for each mistake.  The files that evidence is judged by are checked by cocod-worker,
 * which is run for this with the rights of the caller: cocod has no reader for them.
 *
 * Returns 0; -EINVAL for any mistake, -ENOMEM, or the errno of what went wrong.  Errors are
 * logged.
 */
int config_check(const char *root);

#endif
