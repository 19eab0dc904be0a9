/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTSETUP_TOKEN_JSON_H
#define COCO_CRYPTSETUP_TOKEN_JSON_H

#include "base/macro.h"
#include "wire/msg.h"

/*
 * Our LUKS2 token, as `cococtl luks enroll` writes it:
 *
 *	{"type":"coco","keyslots":["1"],"coco-secret":"data"}
 *
 * It lies on a disk of the host, who may have written it.  All it says is the name of a secret.
 */
#define TOKEN_TYPE "coco"
#define TOKEN_JSON_MAX 4096	/* bytes of a token's text */

/*
 * The secret that the token @json names.  @json may be NULL.  Members that are not known are
 * ignored: nothing but the name is ever used.
 *
 * Returns 0 with a name that name_is_valid(); -EMSGSIZE over TOKEN_JSON_MAX; -EINVAL for anything
 * else that is not such a token, such as two members of one name; -ENOMEM.
 */
int token_json_secret(const char *json, char ret[static MSG_NAME_LEN + 1]);

#endif
