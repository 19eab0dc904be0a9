/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "attest/policy-options.h"
#include "base/ini.h"
#include "base/nearest.h"

/* True if the option is about @kind in particular, and not about the evidence of all hardware. */
static bool is_own(const struct policy_option *o, const union policy_value *value,
		   const struct policy_kind *kind)
{
	const unsigned hardware = ABOUT_SNP | ABOUT_TDX;
	bool own = false;

	if (o->kind != KIND_WORDS)
		return (o->about & kind->subjects) && (o->about & hardware) != hardware;
	for (const struct policy_word *w = o->words; w->word; w++)
		own = own || ((w->bit & value->bits) && (w->about & kind->subjects) &&
			      (w->about & hardware) != hardware);
	return own;
}

static void apply_option(struct policy *p, unsigned i, const struct policy_option *o,
			 const union policy_value *value)
{
	memcpy((uint8_t *)p + o->offset, value, o->size);
	policy_set_add(p->set, i);
	p->has_option = true;
	p->has_own = p->has_own || is_own(o, value, p->kind);
}

int policies_set(struct policies *ps, const char *assignment, char error[static POLICY_ERROR_LEN])
{
	const char *eq = strchr(assignment, '=');
	union policy_value value;
	struct policy_option o;
	char name[64];
	int i;

	if (!eq)
		return policy_complain(error, -EINVAL, "'%.40s' is not NAME=VALUE", assignment);
	(void) snprintf(name, sizeof(name), "%.*s", (int)MIN(eq - assignment, 63), assignment);
	i = policy_option_read(name, eq + 1, strlen(eq + 1), &o, &value, error);
	if (i < 0)
		return i;
	for (unsigned k = 0; policy_kinds[k]; k++)
		apply_option(&ps->of[k], (unsigned)i, &o, &value);
	return 0;
}

int policy_ask(struct policy *p, const char *name, const void *data, size_t len, size_t padded)
{
	struct policy_values *values;
	struct policy_option o;
	int i;

	i = policy_option_find(name, &o);
	assert(i >= 0 && o.size == sizeof(*values) && len <= padded && padded <= o.n);
	if (policy_set_has(p->set, (unsigned)i))
		return -EEXIST;
	values = (struct policy_values *)((uint8_t *)p + o.offset);
	*values = (struct policy_values){ .n = 1 };
	values->len[0] = (uint8_t)padded;
	memcpy(values->b[0], data, len);
	policy_set_add(p->set, (unsigned)i);
	return 0;
}

/* ---- the file ---- */

/* The state of reading: which options the file has set for each kind. */
struct reading {
	struct policies *ps;
	uint64_t seen[POLICY_KINDS_MAX][POLICY_SET_WORDS];
};

#define KIND_BIT(k) (1u << (k))
#define KINDS_ALL ((1u << POLICY_KINDS_MAX) - 1)

/* The kinds, a bit each, that a section is for; 0 if there is no such section. */
static unsigned kinds_of(const struct ini_item *item)
{
	unsigned mask = 0;

	for (unsigned k = 0; policy_kinds[k]; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(policy_kinds[k]->sections); i++) {
			const char *section = policy_kinds[k]->sections[i];

			if (section && ini_is(item->section, item->section_len, section))
				mask |= KIND_BIT(k);
		}
	return mask;
}

/* "[snp], [tdx], [azure]..." */
static void list_sections(char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned k = 0; policy_kinds[k]; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(policy_kinds[k]->sections); i++) {
			const char *section = policy_kinds[k]->sections[i];
			char item[32];

			(void) snprintf(item, sizeof(item), "[%.28s]", section ? section : "");
			if (section && !strstr(ret, item) && n < size)
				n += (size_t)snprintf(ret + n, size - n, ", %s", item);
		}
}

bool policy_has_section(const struct ini_item *item)
{
	return kinds_of(item) || ini_is(item->section, item->section_len, "Policy");
}

void policy_nearest_section(struct nearest *nearest)
{
	nearest_try(nearest, "Policy");
	for (unsigned k = 0; policy_kinds[k]; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(policy_kinds[k]->sections); i++)
			if (policy_kinds[k]->sections[i])
				nearest_try(nearest, policy_kinds[k]->sections[i]);
}

/* The one that is meant, or else all that there are. */
static int no_such_section(const struct ini_item *item, char *error)
{
	char text[NEAREST_TEXT_MAX], all[POLICY_ERROR_LEN];
	int len = (int)MIN(item->section_len, 32u);
	struct nearest nearest;

	nearest_init(&nearest, item->section, item->section_len);
	policy_nearest_section(&nearest);
	if (nearest_text(&nearest, "", text)[0])
		return policy_complain(error, -EINVAL, "there is no section [%.*s]%s", len,
				       item->section, text);
	list_sections(all, sizeof(all));
	return policy_complain(error, -EINVAL, "there is no section [%.*s], but [Policy]%.90s", len,
			       item->section, all);
}

static int find_section(const struct ini_item *item, unsigned *ret_kinds, char *error)
{
	*ret_kinds = kinds_of(item);
	if (ini_is(item->section, item->section_len, "Policy"))
		*ret_kinds = KINDS_ALL;
	return *ret_kinds ? 0 : no_such_section(item, error);
}

static int read_item(struct reading *r, const struct ini_item *item, char *error)
{
	union policy_value value;
	struct policy_option o;
	unsigned mask;
	char name[64];
	int i;

	i = find_section(item, &mask, error);
	if (i < 0)
		return i;
	for (unsigned k = 0; !item->name && mask != KINDS_ALL && policy_kinds[k]; k++)
		if (mask & KIND_BIT(k))
			r->ps->of[k].has_own = true;
	if (!item->name)
		return 0;
	(void) snprintf(name, sizeof(name), "%.*s", (int)MIN(item->name_len, 63u), item->name);
	i = policy_option_read(name, item->value, item->value_len, &o, &value, error);
	if (i < 0)
		return i;
	for (unsigned k = 0; policy_kinds[k]; k++) {
		if (!(mask & KIND_BIT(k)))
			continue;
		/* It must not be a guess which of two values counts. */
		if (policy_set_has(r->seen[k], (unsigned)i))
			return policy_complain(
				error, -EINVAL,
				"'%.40s' is set a second time for %s: another section has it", name,
				policy_kinds[k]->name);
		policy_set_add(r->seen[k], (unsigned)i);
		apply_option(&r->ps->of[k], (unsigned)i, &o, &value);
	}
	return 0;
}

int policies_parse_new(struct policies *ps, const void *text, size_t len,
		       char error[static POLICY_ERROR_LEN])
{
	struct reading r = { .ps = ps };
	char why[POLICY_ERROR_LEN];
	struct ini_error problem;
	struct ini_item item;
	struct ini ini;
	int status;

	if (len > POLICY_FILE_MAX)
		return policy_complain(error, -EMSGSIZE, "a policy file has at most %d bytes",
				POLICY_FILE_MAX);
	if (ini_check(text, len, &problem) < 0)
		return policy_complain(error, -EBADMSG, "line %u: %.130s", problem.line,
				       problem.text);
	ini_init(&ini, text, len);
	while ((status = ini_next(&ini, &item)) > 0) {
		status = read_item(&r, &item, why);
		if (status < 0)
			break;
	}
	if (status < 0)
		return policy_complain(error, -EBADMSG, "line %u: %.130s", item.line, why);
	for (unsigned k = 0; policy_kinds[k]; k++)
		ps->of[k].has_file = true;
	return 0;
}

int policies_parse(struct policies *ps, const void *text, size_t len,
		   char error[static POLICY_ERROR_LEN])
{
	_cleanup_(freep) struct policies *tried = malloc(sizeof(*tried));
	int r;

	if (!tried)
		return policy_complain(error, -ENOMEM, "out of memory");
	*tried = *ps;
	r = policies_parse_new(tried, text, len, error);
	if (r == 0)
		*ps = *tried;
	return r;
}
