/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_EVIDENCE_JSON_H
#define COCO_AGENT_NET_EVIDENCE_JSON_H

#include <json-c/json.h>

#include "attest/bundle.h"
#include "base/cause.h"

/*
 * Write the evidence of @b as the "primary_evidence" that brokers read: for the @tee "snp", "tdx",
 * "az-snp-vtpm" or "az-tdx-vtpm".  Nothing is judged: the bytes are the same, in other clothes.
 *
 * @digest is what the evidence is over.  If the paravisor's report on Azure has it as user data,
 * the evidence is of version 2, where that is checked; else it is of version 1.
 *
 * @ret is yours.  Returns 0; -ENOMEM; else the reason is in @why: -EOPNOTSUPP for another @tee, or
 * when @b is of another type; -ENODATA when a piece is missing; -EBADMSG when one is malformed.
 */
int evidence_json(const struct bundle *b, const char *tee, const uint8_t *digest,
		  size_t digest_len, struct json_object **ret, struct cause *why);

#endif
