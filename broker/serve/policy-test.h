/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_POLICY_TEST_H
#define COCO_BROKER_SERVE_POLICY_TEST_H

#include <json-c/json.h>

#include "broker/serve/service.h"

/*
 * Judge the policy @policy by what was asked for the secret @path in the last @last_sec seconds
 * (0: as far back as it is known), as if it were asked now.  Claims are left out: they are the same
 * under any policy.  @answer gets
 *
 *	"from", "kept-since-released", "kept-since-refused"	seconds since 1970; "from" 0: all
 *	"complete"						all since "from" is known
 *	"launches":[{"launch","at","tee","chip","measurement","was","was-code","now","code",
 *		     "reason"}]
 *
 * where "was" is "released" or "refused", and "now" is "released", "approval" (when somebody says
 * yes), "refused", or "undecided" when collateral is missing.
 *
 * Returns 0; -ENOENT for a secret that is not there; -EBADMSG for a policy that 'policy set' would
 * refuse, or a damaged store or record; -EOPNOTSUPP when nothing is kept; -ENOMEM; an error of
 * store_get().
 */
int policy_test(struct service *s, const char *path, const char *policy, uint64_t last_sec,
		struct json_object *answer, struct cause *why);

#endif
