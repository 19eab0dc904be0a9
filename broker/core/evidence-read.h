/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_EVIDENCE_READ_H
#define COCO_BROKER_CORE_EVIDENCE_READ_H

#include <json-c/json.h>

#include "attest/bundle.h"
#include "base/cause.h"
#include "broker/core/challenge.h"

/*
 * Read "primary_evidence" in the forms of the field (snp; tdx; az-snp-vtpm and az-tdx-vtpm in the
 * versions 0, 1 and 2) into a bundle: the opposite of agent/net/evidence-json.h.  Nothing is
 * judged;
 * all items are the sender's.  A number outside its byte, a member twice or missing, and a length
 * that is not the field's are refused.
 *
 * @ret is empty before; pass it to bundle_done().  Returns 0; -EBADMSG with the member in @why;
 * -EMSGSIZE; -EOPNOTSUPP for a version or a tee that is unknown; -ENOMEM.
 */
int evidence_read(struct json_object *evidence, enum broker_tee tee, struct bundle *ret,
		  struct cause *why);

#endif
