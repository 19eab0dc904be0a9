/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"
#include "doctor/page.h"

/*
 * All values are words of ours: a label has room for nothing that a machine could say.  A line that
 * begins with '#' is a comment.
 */
void nfd_print(const struct report *r)
{
	static const char *const states[] = {
		[DOCTOR_READY] = "true",
		[DOCTOR_NOT_READY] = "false",
		[DOCTOR_WARNINGS] = "true",
		[DOCTOR_CANNOT_TELL] = "unknown",
	};

	if (r->side->trust)
		print("# %s\n", r->side->trust);
	print("coco-agent.%s-ready=%s\n", r->side->name, states[r->end.status]);
	print("coco-agent.%s-technology=%s\n", r->side->name,
	      r->end.offered ? requirement_names[r->end.judged] : "none");
	for (size_t i = 0; i < r->side->n_checks; i++)
		print("coco-agent.%s=%s\n", r->side->checks[i].id,
		      outcome_name(r->results[i].outcome));
}
