/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_CONFIG_UNIQUE_H
#define COCO_AGENT_KEEPER_CONFIG_UNIQUE_H

#include "agent/keeper/config-options.h"
#include "secrets/policy.h"

/*
 * What no two files in secrets.d may have, and which secret has it: a name, a GUID, a path, a key
 * in a keyring, a volume whose secrets come from different origins.  However many files there are,
 * each is checked in about the same time.  Begins as zeros.
 */
struct config_unique {
	void *tree;			/* of tsearch(3) */
};

/*
 * Check @p, the policy of the file @v->file, against all that came before, and remember it.  Errors
 * are logged and counted; one is that there is no memory.
 */
void config_unique_check(struct config_unique *u, const struct config_value *v,
			 const struct secret_policy *p);

void config_unique_done(struct config_unique *u);

#endif
