/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_POLICY_MEMO_H
#define COCO_BROKER_CORE_POLICY_MEMO_H

#include "broker/core/secret-policy.h"

/*
 * The policies that were read last.  A policy is read for each release, most are read again and
 * again, and what a text means does not change.  The memo may be used by several threads at once.
 */
#define POLICY_MEMO_MAX 128

struct policy_memo;

int policy_memo_new(struct policy_memo **ret);
struct policy_memo *policy_memo_free(struct policy_memo *m);
DEFINE_CLEANUP(struct policy_memo *, policy_memo_free)

/*
 * As secret_policy_read(), with what secret_policy_rules() says of the text in @ret_rules.  @m may
 * be NULL.  A text that is refused is read anew each time.  Also returns errors of
 * secret_policy_rules().
 */
int policy_memo_read(struct policy_memo *m, const char *text, size_t len,
		     struct secret_mode *ret_mode, char **ret_evidence,
		     uint8_t ret_rules[static 32], struct cause *why);

#endif
