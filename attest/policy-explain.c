/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/policy-explain.h"

#include <stdio.h>

#include "attest/policy-options.h"
#include "attest/verify.h"
#include "base/ini.h"

/* ---- the lines ---- */

/* What a line leaves open, where that is easily overlooked. */
static const char *open_of(const struct policy_option *o, const struct policy_line *l)
{
	static const struct {
		const char *option, *text;
	} rows[] = {
		{ "measurement", "whether it covers kernel, initrd and command line, which covers= "
				 "has to say" },
		{ "host_data", "the host can give it to any VM" },
		{ "mrconfigid", "the host can give it to any VM" },
		{ "mrowner", "the host can give it to any VM" },
		{ "mrownerconfig", "the host can give it to any VM" },
		{ "mrtd", "what the firmware starts, unless rtmr1= and rtmr2= are there too" },
		{ "rtmr1", "it proves nothing without mrtd=" },
		{ "rtmr2", "it proves nothing without mrtd= and rtmr1=" },
		{ "ak_n_sha256", "what the VM boots: pcr4=, or pcr7= with another PCR, says that" },
		{ "pcr7", "what boots, as long as one of those keys has signed it" },
		{ "mrservicetd", "everything, to that service TD" },
		{ "covers", "whether that is so: no evidence shows it" },
	};

	if (l->of_paravisor)
		return "what runs above the paravisor, which is the same in all such VMs";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].option, o->pcr == 7 ? "pcr7" : o->name))
			return rows[i].text;
	return "";
}

/* True if the section is for kinds with a paravisor alone. */
static bool is_of_azure(const struct ini_item *item)
{
	for (unsigned k = 0; policy_kinds[k]; k++)
		for (unsigned i = 0; i < ARRAY_SIZE(policy_kinds[k]->sections); i++) {
			const char *section = policy_kinds[k]->sections[i];

			if (section && ini_is(item->section, item->section_len, section))
				return policy_kinds[k]->subjects & ABOUT_HCL;
		}
	return false;
}

static void explain_words(const struct policy_option *o, struct policy_line *l)
{
	char word[32];
	size_t len;

	for (const char *p = l->value, *end = p + l->value_len; p < end; p += len + 1) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const struct policy_word_note *n;

		len = (size_t)((comma ?: end) - p);
		(void) snprintf(word, sizeof(word), "%.*s", (int)MIN(len, sizeof(word) - 1), p);
		n = policy_word_note(o->name, word);
		if (!n || l->n_words == ARRAY_SIZE(l->words))
			continue;
		l->words[l->n_words++] = n;
		l->permissive = l->permissive || n->is_permissive;
	}
}

/* The default accepts UpToDate alone; everything else is laxer than that. */
static bool accepts_more(const union policy_value *value)
{
	return value->bits & ~(1u << TCB_UP_TO_DATE);
}

static int explain_item(const struct ini_item *item, struct policy_line *l)
{
	char error[POLICY_ERROR_LEN];
	const struct policy_note *n;
	union policy_value value;
	struct policy_option o;

	*l = (struct policy_line){ .line = item->line, .section = item->section,
				   .section_len = item->section_len, .value = item->value,
				   .value_len = item->value_len };
	(void) snprintf(l->name, sizeof(l->name), "%.*s",
			(int)MIN(item->name_len, sizeof(l->name) - 1), item->name);
	if (policy_option_read(l->name, item->value, item->value_len, &o, &value, error) < 0)
		return -EBADMSG;
	n = policy_note(o.name, o.pcr);
	l->pins = n->pins;
	l->changes = n->changes;
	l->of_paravisor = is_of_azure(item) && o.kind != KIND_WORDS && o.kind != KIND_STATUSES &&
			  policy_option_is_of_hardware(&o) && n->pin == PIN_IDENTITY;
	l->open = open_of(&o, l);
	l->permissive = o.kind == KIND_STATUSES && accepts_more(&value);
	if (o.kind == KIND_WORDS)
		explain_words(&o, l);
	return 0;
}

int policy_explain(const void *text, size_t len,
		   int (*each)(void *userdata, const struct policy_line *l), void *userdata)
{
	struct ini_error problem;
	struct policy_line l;
	struct ini_item item;
	struct ini ini;
	int r = 0;

	if (ini_check(text, len, &problem) < 0)
		return -EBADMSG;
	ini_init(&ini, text, len);
	while (r == 0 && ini_next(&ini, &item) > 0) {
		if (!item.name)
			continue;
		r = explain_item(&item, &l);
		if (r == 0)
			r = each(userdata, &l);
	}
	return r;
}

/* ---- all of it ---- */

static void summarize(const struct policy *p, const struct attest_verifier *t, int64_t now,
		      struct policy_summary *ret)
{
	*ret = (struct policy_summary){
		.kind = p->kind,
		.identity = policy_identity_asked(p, t->identities),
		.partial_is_enough = p->allow & ALLOW_PARTIAL_IDENTITY,
		.foreign = policy_foreign_option(p),
		.ended = policy_ended_option(p, now),
		.firmware = p->kind->firmware_remark ? p->kind->firmware_remark(p) : NULL,
	};
}

bool policy_summarize(const struct policies *ps, unsigned i, int64_t now,
		      struct policy_summary *ret)
{
	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++)
		for (size_t k = 0; (*t)->opens_gate && k < ARRAY_SIZE((*t)->kinds) &&
				   (*t)->kinds[k]; k++) {
			const struct policy *p = policies_find(ps, (*t)->kinds[k]);

			if (!p->has_own || !p->has_option || i-- > 0)
				continue;
			summarize(p, *t, now, ret);
			return true;
		}
	return false;
}
