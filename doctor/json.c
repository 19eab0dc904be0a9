/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "doctor/page.h"

static bool add(struct json_object *o, const char *key, struct json_object *value)
{
	return json_add(o, key, value) == 0;
}

static bool add_text(struct json_object *o, const char *key, const char *value)
{
	return json_add_text(o, key, value) == 0;
}

static bool append(struct json_object *list, struct json_object *value)
{
	return json_append(list, value) == 0;
}

static bool add_pair(struct json_object *list, const char *key, const char *a, const char *other,
		     const char *b)
{
	struct json_object *o = json_object_new_object();
	bool done = o && add_text(o, key, a) && add_text(o, other, b);

	return append(list, o) && done;
}

static bool add_evidence(struct json_object *o, const struct result *r)
{
	struct json_object *list = json_object_new_array();
	bool done = list;

	for (unsigned i = 0; done && i < r->n_evidence; i++)
		done = add_pair(list, "source", r->evidence[i].source, "value",
				r->evidence[i].value);
	return add(o, "evidence", list) && done;
}

static bool add_fixes(struct json_object *o, const struct result *r)
{
	struct json_object *list = json_object_new_array();
	bool done = list;

	for (unsigned i = 0; done && i < r->n_fixes; i++)
		done = add_pair(list, "kind", fix_kind_name(r->fixes[i].kind), "text",
				r->fixes[i].text);
	return add(o, "fixes", list) && done;
}

static bool add_check(struct json_object *list, const struct report *r, size_t i)
{
	const struct check *check = &r->side->checks[i];
	const struct result *result = &r->results[i];
	struct json_object *o = json_object_new_object();
	bool done = o && add_text(o, "id", check->id) && add_text(o, "group", check->group) &&
		    add_text(o, "title", check->title) &&
		    add_text(o, "outcome", outcome_name(result->outcome)) &&
		    add(o, "counts", json_object_new_boolean(check_counts(check, &r->end))) &&
		    add_text(o, "explain", result->explain) && add_evidence(o, result) &&
		    add_fixes(o, result);

	return append(list, o) && done;
}

static bool add_checks(struct json_object *o, const struct report *r)
{
	struct json_object *list = json_object_new_array();
	bool done = list;

	for (size_t i = 0; done && i < r->side->n_checks; i++)
		done = add_check(list, r, i);
	return add(o, "checks", list) && done;
}

/* Each technology of a set of FOR(). */
static bool add_offers(struct json_object *o, unsigned offers)
{
	struct json_object *list = json_object_new_array();
	bool done = list;

	for (unsigned i = 0; done && i < _REQUIRE_TECHS; i++)
		if (offers & FOR(i))
			done = append(list, json_object_new_string(requirement_names[i]));
	return add(o, "offers", list) && done;
}

static bool add_first(struct json_object *o, const struct report *r)
{
	if (r->end.first < r->side->n_checks)
		return add_text(o, "first", r->side->checks[r->end.first].id);
	return json_add_null(o, "first") == 0;
}

static bool add_all(struct json_object *o, const struct report *r)
{
	return add_text(o, "side", r->side->name) &&
	       add_text(o, "status", conclusion_name(r->end.status)) &&
	       add_text(o, "judged", r->end.offered ? requirement_names[r->end.judged] : "none") &&
	       add_text(o, "machine", r->exam->what) && add_offers(o, r->exam->offers) &&
	       (!r->side->trust || add_text(o, "trust", r->side->trust)) && add_first(o, r) &&
	       add_checks(o, r);
}

int report_print_json(const struct report *r)
{
	_cleanup_(json_putp) struct json_object *o = json_document("doctor");

	return o && add_all(o, r) ? json_print(o, JSON_C_TO_STRING_PRETTY) : -ENOMEM;
}
