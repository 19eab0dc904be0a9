/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_ATTEST_GATHER_H
#define COCO_AGENT_WORKER_ATTEST_GATHER_H

#include "agent/worker/attest-judge.h"

/*
 * Ask the vTPM of an Azure confidential VM for evidence over the report data of @q, complete it
 * from the metadata service, and write it into @pack as a pack (wire/bundle.h).  A broker will
 * judge it; nothing is judged here.
 *
 * The user data of the report is the whole report data, and the quote is over its first q->len
 * bytes.  A paravisor that does not take user data gets no further try: the pack says so in a
 * BUNDLE_NOTE, and the quote alone has the report data.
 *
 * @with are the open TPM and the connection to the metadata service.  All descriptors stay the
 * caller's.  @ret is always filled in; see struct attest_gathered for its errors.
 */
void attest_gather_azure(const struct attest_sources *with, const struct attest_gather *q, int pack,
			 struct attest_gathered *ret);

#endif
