/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/report.h"

#include "base/json.h"

/* The value NULL is an error. */
static bool add(struct json_object *o, const char *key, struct json_object *value)
{
	return json_add(o, key, value) == 0;
}

/* The text NULL is left out. */
static bool add_text(struct json_object *o, const char *key, const char *text)
{
	return !text || json_add_text(o, key, text) == 0;
}

static bool append(struct json_object *list, struct json_object *value)
{
	return json_append(list, value) == 0;
}

static bool add_notes(struct json_object *o, const char *key, const struct plan_notes *a,
		      const struct plan_notes *b)
{
	struct json_object *list = json_object_new_array();
	bool good = add(o, key, list);

	for (size_t i = 0; good && i < a->n; i++)
		good = append(list, json_object_new_string(a->text[i]));
	for (size_t i = 0; good && b && i < b->n; i++)
		good = append(list, json_object_new_string(b->text[i]));
	return good;
}

static bool add_vcpus(struct json_object *o, const struct plan *p)
{
	struct json_object *v = json_object_new_object(), *limits;

	if (!add(o, "vcpus", v) || !add(v, "asked", json_object_new_uint64(p->want->vcpus)) ||
	    !add(v, "planned", json_object_new_uint64(p->vcpus)))
		return false;
	if (p->binding != _PLAN_LIMIT_MAX && !add_text(v, "binding", plan_limit_name(p->binding)))
		return false;
	limits = json_object_new_object();
	if (!add(v, "limits", limits))
		return false;
	for (enum plan_limit i = 0; i < _PLAN_LIMIT_MAX; i++)
		if (p->limits[i] &&
		    !add(limits, plan_limit_name(i), json_object_new_uint64(p->limits[i])))
			return false;
	return true;
}

static bool add_flags(struct json_object *o, const struct plan_flags *flags)
{
	struct json_object *list = json_object_new_array();
	bool good = add(o, "flags", list);

	for (size_t i = 0; good && i < flags->n; i++) {
		const struct plan_flag *flag = &flags->items[i];
		struct json_object *item = json_object_new_object();

		good = append(list, item) && add_text(item, "flag", flag->name) &&
		       add_text(item, "value", flag->value) && add_text(item, "reason", flag->why);
	}
	return good;
}

static bool add_argv(struct json_object *o, const struct plan_flags *flags)
{
	struct json_object *list = json_object_new_array();
	bool good = add(o, "argv", list);

	for (size_t i = 0; good && i < flags->n; i++) {
		const struct plan_flag *flag = &flags->items[i];

		good = (!flag->name || append(list, json_object_new_string(flag->name))) &&
		       (!flag->value || append(list, json_object_new_string(flag->value)));
	}
	return good;
}

static bool add_launch(struct json_object *o, const struct plan_report *r)
{
	const struct plan *p = r->plan;

	if (p->pinned &&
	    (!add_text(o, "nodes", p->node_list) || !add_text(o, "cpus", p->cpu_list)))
		return false;
	if (plan_is_amd(p) &&
	    (!add(o, "cbitpos", json_object_new_int((int)p->cbit)) ||
	     !add(o, "policy", json_object_new_uint64(p->want->policy))))
		return false;
	return (!*r->digest || add_text(o, "launch_digest", r->digest)) &&
	       add_flags(o, r->flags) &&
	       (p->want->format != PLAN_QEMU || add_argv(o, r->flags)) &&
	       add_text(o, "text", r->text) && add_text(o, "before", r->before) &&
	       add_text(o, "after", r->after);
}

struct json_object *plan_report(const struct plan_report *r)
{
	struct json_object *o = json_document("plan");
	const struct plan *p = r->plan;

	if (o && add_text(o, "tech", r->tech) &&
	    add_text(o, "format", r->format) && add_text(o, "name", p->want->name) &&
	    add(o, "memory", json_object_new_uint64(p->want->memory)) && add_vcpus(o, p) &&
	    add_notes(o, "refused", &p->refusals, NULL) &&
	    add_notes(o, "warnings", &p->warnings, r->notes) &&
	    (p->refusals.n > 0 || add_launch(o, r)))
		return o;
	(void) json_object_put(o);
	return NULL;
}
