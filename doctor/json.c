/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "doctor/page.h"

static int append_pair(struct json_object *list, const char *key, const char *a, const char *other,
		       const char *b)
{
	struct json_object *o = json_object_new_object();
	int r = json_add_text(o, key, a) | json_add_text(o, other, b);

	return json_append(list, json_whole(o, r));
}

static struct json_object *evidence_to_json(const struct result *result)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < result->n_evidence; i++)
		r |= append_pair(list, "source", result->evidence[i].source, "value",
				 result->evidence[i].value);
	return json_whole(list, r);
}

static struct json_object *fixes_to_json(const struct result *result)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < result->n_fixes; i++)
		r |= append_pair(list, "kind", fix_kind_name(result->fixes[i].kind), "text",
				 result->fixes[i].text);
	return json_whole(list, r);
}

static struct json_object *check_to_json(const struct report *report, size_t i)
{
	const struct check *check = &report->side->checks[i];
	const struct result *result = &report->results[i];
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= json_add_text(o, "id", check->id);
	r |= json_add_text(o, "group", check->group);
	r |= json_add_text(o, "title", check->title);
	r |= json_add_text(o, "outcome", outcome_name(result->outcome));
	r |= json_add_bool(o, "counts", check_counts(check, &report->end));
	r |= json_add_text(o, "explain", result->explain);
	r |= json_add(o, "evidence", evidence_to_json(result));
	r |= json_add(o, "fixes", fixes_to_json(result));
	return json_whole(o, r);
}

static struct json_object *checks_to_json(const struct report *report)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (size_t i = 0; i < report->side->n_checks; i++)
		r |= json_append(list, check_to_json(report, i));
	return json_whole(list, r);
}

/* Each technology of a set of FOR(). */
static struct json_object *offers_to_json(unsigned offers)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < _REQUIRE_TECHS; i++)
		if (offers & FOR(i))
			r |= json_append_text(list, requirement_names[i]);
	return json_whole(list, r);
}

int report_print_json(const struct report *report)
{
	_cleanup_(json_putp) struct json_object *o = json_document("doctor");
	const struct conclusion *end = &report->end;
	int r = 0;

	r |= json_add_text(o, "side", report->side->name);
	r |= json_add_text(o, "status", conclusion_name(end->status));
	r |= json_add_text(o, "judged", end->offered ? requirement_names[end->judged] : "none");
	r |= json_add_text(o, "machine", report->exam->what);
	r |= json_add(o, "offers", offers_to_json(report->exam->offers));
	if (report->side->trust)
		r |= json_add_text(o, "trust", report->side->trust);
	r |= json_add_text_or_null(o, "first", end->first < report->side->n_checks ?
						       report->side->checks[end->first].id : NULL);
	r |= json_add(o, "checks", checks_to_json(report));
	return r < 0 ? r : json_print(o, JSON_C_TO_STRING_PRETTY);
}
