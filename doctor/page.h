/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_PAGE_H
#define COCO_DOCTOR_PAGE_H

#include "doctor/check.h"

/* A finished exam, and the forms in which it is printed to standard output. */
struct report {
	const struct side *side;
	const struct exam *exam;
	const struct result *results;	/* one for each check */
	struct conclusion end;
};

/* For people: the first lines say what the machine is, and what to mend first. */
void page_print(const struct report *r);

/*
 * For programs, as coco-inject-doctor(1) describes it.  Members are only ever added while
 * JSON_VERSION of base/json.h stays.  Returns 0 or -ENOMEM.
 */
int report_print_json(const struct report *r);

/* Labels for node-feature-discovery's local source: "coco-agent.ID=pass". */
void nfd_print(const struct report *r);

#endif
