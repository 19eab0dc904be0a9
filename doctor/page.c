/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/page.h"

#include "base/text.h"

static enum text_colour colour_of(enum outcome outcome)
{
	static const enum text_colour colours[_OUTCOME_MAX] = {
		[OUTCOME_PASS] = TEXT_GREEN, [OUTCOME_WARN] = TEXT_YELLOW,
		[OUTCOME_FAIL] = TEXT_RED,   [OUTCOME_NA] = TEXT_FAINT,
		[OUTCOME_UNKNOWN] = TEXT_FAINT,
	};

	return colours[outcome];
}

static void print_fixes(const struct result *r, const char *indent)
{
	for (unsigned i = 0; i < r->n_fixes; i++) {
		if (r->fixes[i].kind == FIX_NONE)
			print("%s-> %s\n", indent, r->fixes[i].text);
		else
			print("%s-> %s: %s\n", indent, fix_kind_name(r->fixes[i].kind),
			      r->fixes[i].text);
	}
}

static void print_head(const struct report *r)
{
	static const char *const names[] = {
		[DOCTOR_READY] = "Ready",
		[DOCTOR_NOT_READY] = "Not ready",
		[DOCTOR_WARNINGS] = "Ready with warnings",
		[DOCTOR_CANNOT_TELL] = "Cannot tell",
	};
	static const enum text_colour colours[] = {
		[DOCTOR_READY] = TEXT_GREEN,
		[DOCTOR_NOT_READY] = TEXT_RED,
		[DOCTOR_WARNINGS] = TEXT_YELLOW,
		[DOCTOR_CANNOT_TELL] = TEXT_YELLOW,
	};
	const char *judged = r->end.offered ? requirement_names[r->end.judged] :
					      "any confidential VM";

	print_coloured(colours[r->end.status], names[r->end.status]);
	print(" for %s: %s\n", judged, r->exam->what);
	if (r->end.first < r->side->n_checks) {
		const struct result *first = &r->results[r->end.first];

		print("First: %s (%s)\n", first->explain, r->side->checks[r->end.first].id);
		print_fixes(first, "");
	}
	if (r->side->trust)
		print("Note: %s\n", r->side->trust);
}

static void print_outcome(enum outcome outcome)
{
	(void) print("  ");
	print_coloured(colour_of(outcome), outcome_name(outcome));
	print("%*s", 9 - (int)strlen(outcome_name(outcome)), "");
}

/*
 * What is not applicable is of no help to anybody, so that checks with the same reason that follow
 * one another have one line.  Returns the first that is not in it.
 */
static size_t print_na(const struct report *r, size_t i)
{
	const struct check *first = &r->side->checks[i];
	const char *why = r->results[i].explain;

	print_outcome(OUTCOME_NA);
	print("%s", first->id);
	for (i++; i < r->side->n_checks && r->results[i].outcome == OUTCOME_NA &&
		  streq(r->side->checks[i].group, first->group) &&
		  streq(r->results[i].explain, why);
	     i++)
		print(", %s", r->side->checks[i].id);
	print(": %s\n", why);
	return i;
}

/* Evidence matters to whoever doubts the outcome; of what is good the JSON has it. */
static void print_check(const struct report *r, size_t i)
{
	const struct check *check = &r->side->checks[i];
	const struct result *result = &r->results[i];

	print_outcome(result->outcome);
	print("%s: %s%s\n", check->id, result->explain,
	      check_counts(check, &r->end) ? "" : " (not asked for)");
	if (result->outcome == OUTCOME_PASS)
		return;
	for (unsigned k = 0; k < result->n_evidence; k++)
		print("           %s: %s\n", result->evidence[k].source,
		      result->evidence[k].value);
	print_fixes(result, "           ");
}

void page_print(const struct report *r)
{
	const char *group = NULL;

	print_head(r);
	for (size_t i = 0; i < r->side->n_checks;) {
		const char *its = r->side->checks[i].group;

		if (!group || !streq(group, its))
			print("\n%s\n", its);
		group = its;
		if (r->results[i].outcome == OUTCOME_NA)
			i = print_na(r, i);
		else
			print_check(r, i++);
	}
	print("\n%u pass, %u warn, %u fail, %u unknown, %u not applicable\n",
	      r->end.n[OUTCOME_PASS], r->end.n[OUTCOME_WARN], r->end.n[OUTCOME_FAIL],
	      r->end.n[OUTCOME_UNKNOWN], r->end.n[OUTCOME_NA]);
}
