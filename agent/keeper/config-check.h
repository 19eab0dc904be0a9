/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_CHECK_H
#define COCO_AGENT_KEEPER_CONFIG_CHECK_H

/*
 * `cocod --check-config`: all of the configuration below @root ("" is the machine's), with a
 * line for each mistake.  What is evidence's to be judged by is looked into by cocod-worker,
 * which is run for it with the rights of the caller; cocod has no reader for that.
 *
 * Returns 0; -EINVAL for any mistake, -ENOMEM, and what else went wrong; it was said.
 */
int config_check(const char *root);

#endif
