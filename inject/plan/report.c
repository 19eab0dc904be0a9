/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/report.h"

#include "base/json.h"

/* The text NULL is left out. */
static int add_text(struct json_object *o, const char *key, const char *text)
{
	return text ? json_add_text(o, key, text) : 0;
}

/* The notes of @a, and of @b, which may be NULL. */
static struct json_object *notes_to_json(const struct plan_notes *a, const struct plan_notes *b)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (size_t i = 0; i < a->n; i++)
		r |= json_append_text(list, a->text[i]);
	for (size_t i = 0; b && i < b->n; i++)
		r |= json_append_text(list, b->text[i]);
	return json_whole(list, r);
}

static struct json_object *vcpus_to_json(const struct plan *p)
{
	struct json_object *o = json_object_new_object(), *limits = json_object_new_object();
	int r = 0;

	r |= json_add_unsigned(o, "asked", p->want->vcpus);
	r |= json_add_unsigned(o, "planned", p->vcpus);
	if (p->binding != _PLAN_LIMIT_MAX)
		r |= json_add_text(o, "binding", plan_limit_name(p->binding));
	for (enum plan_limit i = 0; i < _PLAN_LIMIT_MAX; i++)
		if (p->limits[i])
			r |= json_add_unsigned(limits, plan_limit_name(i), p->limits[i]);
	r |= json_add(o, "limits", limits);
	return json_whole(o, r);
}

static struct json_object *flags_to_json(const struct plan_flags *flags)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (size_t i = 0; i < flags->n; i++) {
		const struct plan_flag *flag = &flags->items[i];
		struct json_object *o = json_object_new_object();

		r |= add_text(o, "flag", flag->name);
		r |= add_text(o, "value", flag->value);
		r |= add_text(o, "reason", flag->why);
		r |= json_append(list, o);
	}
	return json_whole(list, r);
}

static struct json_object *argv_to_json(const struct plan_flags *flags)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (size_t i = 0; i < flags->n; i++) {
		const struct plan_flag *flag = &flags->items[i];

		if (flag->name)
			r |= json_append_text(list, flag->name);
		if (flag->value)
			r |= json_append_text(list, flag->value);
	}
	return json_whole(list, r);
}

static int add_launch(struct json_object *o, const struct plan_report *report)
{
	const struct plan *p = report->plan;
	int r = 0;

	if (p->pinned) {
		r |= add_text(o, "nodes", p->node_list);
		r |= add_text(o, "cpus", p->cpu_list);
	}
	if (plan_is_amd(p)) {
		r |= json_add_number(o, "cbitpos", (int)p->cbit);
		r |= json_add_unsigned(o, "policy", p->want->policy);
	}
	if (report->digest[0])
		r |= json_add_text(o, "launch_digest", report->digest);
	r |= json_add(o, "flags", flags_to_json(report->flags));
	if (p->want->format == PLAN_QEMU)
		r |= json_add(o, "argv", argv_to_json(report->flags));
	r |= add_text(o, "text", report->text);
	r |= add_text(o, "before", report->before);
	r |= add_text(o, "after", report->after);
	return r;
}

struct json_object *plan_report(const struct plan_report *report)
{
	struct json_object *o = json_document("plan");
	const struct plan *p = report->plan;
	int r = 0;

	r |= add_text(o, "tech", report->tech);
	r |= add_text(o, "format", report->format);
	r |= add_text(o, "name", p->want->name);
	r |= json_add_unsigned(o, "memory", p->want->memory);
	r |= json_add(o, "vcpus", vcpus_to_json(p));
	r |= json_add(o, "refused", notes_to_json(&p->refusals, NULL));
	r |= json_add(o, "warnings", notes_to_json(&p->warnings, report->notes));
	if (p->refusals.n == 0)
		r |= add_launch(o, report);
	return json_whole(o, r);
}
