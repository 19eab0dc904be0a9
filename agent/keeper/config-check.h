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

/*
 * `cocod --list-volumes`: print the volumes that secrets.d below @root names in Consumers=, each on
 * a line of its own, twice if two secrets name it; and a line with "*" if a file there is for any
 * volume, or if none is for a volume: then the secret with the conventional GUID is for any.
 *
 * Returns 0; -EINVAL for a mistake in the configuration, with nothing printed; -ENOMEM.  Errors are
 * logged.
 */
int config_list_volumes(const char *root);

#endif
