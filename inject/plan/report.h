/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_PLAN_REPORT_H
#define COCO_INJECT_PLAN_REPORT_H

#include "inject/plan/flags.h"

/* A plan with all that belongs to it; all is borrowed.  The texts are UTF-8. */
struct plan_report {
	const char *tech, *format;	/* their names */
	const struct plan *plan;
	const struct plan_notes *notes;	/* further warnings */

	/* Of a plan that is not refused: */
	const struct plan_flags *flags;
	const char *digest;		/* in hexadecimal; "": unknown */
	const char *text, *before, *after;	/* the last two may be NULL */
};

/* The report as JSON, as coco-inject(1) says, for json_object_put(); NULL: out of memory. */
struct json_object;
struct json_object *plan_report(const struct plan_report *r);

#endif
