/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_REFUSAL_H
#define COCO_AGENT_NET_REFUSAL_H

#include "wire/broker.h"
#include "wire/bytes.h"

/*
 * What a broker says instead of an answer: a status of HTTP, and perhaps
 *
 *	{"type":"https://github.com/confidential-containers/kbs/errors/NAME",
 *	 "detail":"...","id":"..."}
 *
 * where "id" is our own broker's, and leads its owner to the reason.  Trustee answers 401 to
 * nearly everything, so that NAME tells more than the status, and what a name means depends on
 * what was asked.
 */
enum refusal_step {
	REFUSAL_AUTH,
	REFUSAL_ATTEST,
	REFUSAL_GET,
	REFUSAL_CONFIRM,
	_REFUSAL_STEP_MAX,
};

/*
 * Fill in @ret, except the address, from the answer to @step with @status, which is not 200.
 * @retry_sec is what Retry-After said.  The error is never NET_OK, and the text is printable.
 */
void refusal_read(enum refusal_step step, int status, uint32_t retry_sec, struct bytes answer,
		  struct net_result *ret);

#endif
